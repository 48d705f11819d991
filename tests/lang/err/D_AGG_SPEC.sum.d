BEGIN { self->s = speculation(); speculate(self->s); @ = sum(1); }
