BEGIN { self->s = speculation(); commit(self->s); commit(self->s); }
