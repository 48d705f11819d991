BEGIN { x = 5 +++; }
