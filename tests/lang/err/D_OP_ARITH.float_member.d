struct s { double d; };
BEGIN { this->p = (struct s *)alloca(8); x = this->p->d + 1; }
