BEGIN { self->s = speculation(); commit(self->s); speculate(self->s); }
