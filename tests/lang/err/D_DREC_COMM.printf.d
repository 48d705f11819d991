BEGIN { self->s = speculation(); commit(self->s); printf("x"); }
