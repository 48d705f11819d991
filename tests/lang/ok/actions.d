BEGIN
{
	stack(); stack(5); ustack(); ustack(5); ustack(5, 0); jstack(); usym(ucaller); ufunc(ucaller); umod(ucaller); uaddr(ucaller); tracemem(arg0, 16); tracemem(arg0, 16, arg1); setopt("quiet"); setopt("aggsortkey", "1"); ftruncate(); freopen("/tmp/%d", pid); freopen(""); system("echo %s", execname); print(pid); print(execname); trace(ustack()); trace(usym(ucaller)); printf("%k%A", ustack(), usym(ucaller)); printm(16, memref((void *)arg0, 16)); exit(0);
}
