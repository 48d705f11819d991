BEGIN { self->s = speculation(); printf("x"); commit(self->s); }
