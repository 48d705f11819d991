#!/usr/bin/env -S dtrace -s
/*
 * sqlite.d - SQL statements of a program that uses SQLite's library, with the time of their steps
 *
 * USAGE
 *	dtrace -s sqlite.d -c 'program arguments'
 *	dtrace -s sqlite.d -p PID
 *
 * SAMPLE
 *	$ dtrace -s sqlite.d -c "sqlite3 :memory: '...'"
 *	   STEPS    TIME (us)  STATEMENT
 *	       1           14  insert into t values(1),(2); select * from t;
 *	       1           21  SELECT*FROM"main".sqlite_master ORDER BY rowid
 *	       2           24  SELECT*FROM"main".sqlite_master WHERE tbl_name='t' AND type!='tri
 *	       3           32  select * from t;
 */
#pragma D option quiet
#pragma D option strsize=512
#pragma D option zdefs

pid$target:libsqlite3.so.0:sqlite3_prepare_v2:entry,
pid$target:libsqlite3.so.0:sqlite3_prepare_v3:entry
{
	self->text = copyinstr(arg1);
	self->result = arg0 && probefunc == "sqlite3_prepare_v2" ? arg3 : arg4;
}

pid$target:libsqlite3.so.0:sqlite3_prepare_v2:return,
pid$target:libsqlite3.so.0:sqlite3_prepare_v3:return
/self->result/
{
	text[*(uint64_t *)copyin(self->result, 8)] = self->text;
	self->text = 0;
	self->result = 0;
}

pid$target:libsqlite3.so.0:sqlite3_step:entry
{
	self->at = timestamp;
	self->stmt = arg0;
}

pid$target:libsqlite3.so.0:sqlite3_step:return
/self->at/
{
	@steps[text[self->stmt]] = count();
	@us[text[self->stmt]] = sum((timestamp - self->at) / 1000);
	self->at = 0;
	self->stmt = 0;
}

END
{
	printf("%8s %12s  %s\n", "STEPS", "TIME (us)", "STATEMENT");
	printa("%@8d %@12d  %s\n", @steps, @us);
}
