/*
 * Processes and threads: psinfo_t and lwpsinfo_t as translations of the
 * tracer's own records.  Field numbers are those of enum dl_proc_field.
 */
#pragma D depends_on library types.d

inline int SSLEEP = 1;
inline int SRUN = 2;
inline int SZOMB = 3;
inline int SSTOP = 4;
inline int SIDL = 5;
inline int SONPROC = 6;
inline int SWAIT = 7;

inline int PR_STOPPED = 0x1;
inline int PR_ISTOP = 0x2;
inline int PR_DSTOP = 0x4;
inline int PR_IDLE = 0x10000000;

inline char PR_MODEL_UNKNOWN = 0;
inline char PR_MODEL_ILP32 = 1;
inline char PR_MODEL_LP64 = 2;

typedef struct lwpsinfo {
	int pr_flag;
	int pr_lwpid;
	uintptr_t pr_addr;
	uintptr_t pr_wchan;
	char pr_stype;
	char pr_state;
	char pr_sname;
	char pr_nice;
	short pr_syscall;
	char pr_oldpri;
	char pr_cpu;
	int pr_pri;
	ushort_t pr_pctcpu;
	timestruc_t pr_start;
	timestruc_t pr_time;
	char pr_clname[8];
	char pr_name[16];
	processorid_t pr_onpro;
	processorid_t pr_bindpro;
	psetid_t pr_bindpset;
	int pr_lgrp;
} lwpsinfo_t;

typedef struct psinfo {
	int pr_flag;
	int pr_nlwp;
	pid_t pr_pid;
	pid_t pr_ppid;
	pid_t pr_pgid;
	pid_t pr_sid;
	uid_t pr_uid;
	uid_t pr_euid;
	gid_t pr_gid;
	gid_t pr_egid;
	uintptr_t pr_addr;
	size_t pr_size;
	size_t pr_rssize;
	dev_t pr_ttydev;
	ushort_t pr_pctcpu;
	ushort_t pr_pctmem;
	timestruc_t pr_start;
	timestruc_t pr_time;
	timestruc_t pr_ctime;
	char pr_fname[16];
	char pr_psargs[80];
	int pr_wstat;
	int pr_argc;
	uintptr_t pr_argv;
	uintptr_t pr_envp;
	char pr_dmodel;
	taskid_t pr_taskid;
	dprojid_t pr_projid;
	int pr_nzomb;
	poolid_t pr_poolid;
	zoneid_t pr_zoneid;
	id_t pr_contract;
	lwpsinfo_t pr_lwp;
} psinfo_t;

translator psinfo_t < struct __proc *P > {
	pr_nlwp = __proc_int((uint64_t)P, 8);
	pr_pid = __proc_int((uint64_t)P, 0);
	pr_ppid = __proc_int((uint64_t)P, 1);
	pr_pgid = __proc_int((uint64_t)P, 2);
	pr_sid = __proc_int((uint64_t)P, 3);
	pr_uid = __proc_int((uint64_t)P, 4);
	pr_euid = __proc_int((uint64_t)P, 5);
	pr_gid = __proc_int((uint64_t)P, 6);
	pr_egid = __proc_int((uint64_t)P, 7);
	pr_addr = (uintptr_t)P;
	pr_ttydev = __proc_int((uint64_t)P, 9);
	pr_fname = __proc_str((uint64_t)P, 21);
	pr_psargs = __proc_str((uint64_t)P, 22);
	pr_wstat = 0;
	pr_argc = __proc_int((uint64_t)P, 11);
	pr_argv = __proc_int((uint64_t)P, 12);
	pr_envp = __proc_int((uint64_t)P, 13);
	pr_dmodel = __proc_int((uint64_t)P, 14);
	pr_taskid = 0;
	pr_projid = 0;
	pr_nzomb = 0;
	pr_poolid = 0;
	pr_zoneid = 0;
	pr_contract = 0;
};

translator lwpsinfo_t < struct __thread *T > {
	pr_flag = __proc_int((uint64_t)T, 20);
	pr_lwpid = __proc_int((uint64_t)T, 19);
	pr_addr = (uintptr_t)T;
	pr_wchan = 0;
	pr_stype = 0;
	pr_state = __proc_int((uint64_t)T, 15);
	pr_sname = (__proc_str((uint64_t)T, 24))[0];
	pr_pri = __proc_int((uint64_t)T, 16);
	pr_syscall = __proc_int((uint64_t)T, 26);
	pr_clname = __proc_str((uint64_t)T, 25);
	pr_name = __proc_str((uint64_t)T, 23);
	pr_onpro = __proc_int((uint64_t)T, 18);
	pr_bindpro = -1;
	pr_bindpset = -1;
};

inline psinfo_t *curpsinfo = xlate <psinfo_t *> (__curproc);
inline lwpsinfo_t *curlwpsinfo = xlate <lwpsinfo_t *> (__curthread);
inline string threadname = __proc_str((uint64_t)__curthread, 23);

inline int P_ONLINE = 2;

typedef struct processor_info {
	int pi_state;
	string pi_processor_type;
	string pi_fputypes;
	int pi_clock;
} processor_info_t;

translator processor_info_t < int C > {
	pi_state = P_ONLINE;
	pi_processor_type = "";
	pi_fputypes = "";
	pi_clock = 0;
};

typedef struct cpuinfo {
	processorid_t cpu_id;
	psetid_t cpu_pset;
	chipid_t cpu_chip;
	lgrp_id_t cpu_lgrp;
	processor_info_t cpu_info;
} cpuinfo_t;

translator cpuinfo_t < int C > {
	cpu_id = C;
	cpu_pset = 0;
	cpu_chip = 0;
	cpu_lgrp = 0;
	cpu_info = xlate <processor_info_t> (C);
};

inline cpuinfo_t *curcpu = xlate <cpuinfo_t *> (__cpu);
inline processorid_t cpu = __cpu;
inline psetid_t pset = 0;
inline chipid_t chip = 0;
inline lgrp_id_t lgrp = 0;

#pragma D attributes Stable/Stable/Common curpsinfo
#pragma D attributes Stable/Stable/Common curlwpsinfo
#pragma D attributes Stable/Stable/Common cpu
