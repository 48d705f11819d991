/* Most recording actions can be speculative. */
BEGIN { s = speculation(); this->p = alloca(4); }
BEGIN { speculate(s); trace("t"); trace(5); printf("%d", 6); tracemem(this->p, 4); stack(); ustack(); print(7); }
BEGIN { commit(s); }
BEGIN { exit(0); }
