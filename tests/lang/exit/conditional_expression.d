/* @@ status: 4 */
BEGIN { this->n = 2; exit(this->n + 2); }
