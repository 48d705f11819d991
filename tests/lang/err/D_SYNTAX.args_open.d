BEGIN { trace(1, ; }
