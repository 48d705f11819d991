BEGIN { self->s = speculation(); commit(self->s); @ = sum(1); }
