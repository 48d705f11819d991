/* @@ testing */
/* @@ loud */
BEGIN { self->s = speculation(); }
BEGIN /self->s/ { speculate(self->s); printf("speculative"); trace(self->s); }
BEGIN { printf("before"); }
BEGIN { commit(self->s); }
BEGIN { printf("after"); exit(0); }
