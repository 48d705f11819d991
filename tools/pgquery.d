#!/usr/bin/env -S dtrace -s
/*
 * pgquery.d - SQL statements of a PostgreSQL server with their times
 *
 * USAGE
 *	dtrace -s pgquery.d -p POSTMASTER-PID
 *
 * Give the process that listens: its backends, which it forks for each connection, are followed.
 *
 * SAMPLE
 *	$ dtrace -s pgquery.d -p 4231
 *	PID      TIME (us) STATEMENT
 *	27458          951 select 40 + 2
 *	27458          579 select count(*) from pgbench_branches
 */
#pragma D option quiet
#pragma D option strsize=512

BEGIN
{
	printf("%-7s %10s %s\n", "PID", "TIME (us)", "STATEMENT");
}

postgresql*:::query-start
{
	self->at = timestamp;
	self->text = copyinstr(arg0);
}

postgresql*:::query-done
/self->at/
{
	printf("%-7d %10d %s\n", pid, (timestamp - self->at) / 1000, self->text);
	self->at = 0;
	self->text = 0;
}
