BEGIN { trace(); }
