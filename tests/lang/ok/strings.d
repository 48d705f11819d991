BEGIN
{
	self->s = "abc"; trace(self->s == NULL); trace(self->s != "x"); trace(self->s < "b"); self->s = 0; trace(strlen("a")); trace("abc"[1]); trace(pid ? "a" : execname); trace(pid ? execname : NULL); trace(strjoin(execname, probename)); trace(substr("abc", 1)); trace(index("abc", "c", 1)); trace(strtok(NULL, ",")); trace(copyinstr(arg0)); trace(stringof(arg0)); trace(stringof((char *)arg0)); printf("%s %S", execname, strchr("a.b", '.'));
}
