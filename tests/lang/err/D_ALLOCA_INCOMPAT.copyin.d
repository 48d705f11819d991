BEGIN { self->p = (char *)copyin(arg0, 8) + 1; self->p = (char *)arg1; }
