BEGIN { self->s = speculation(); printf("x"); speculate(self->s); }
