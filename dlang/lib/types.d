/*
 * System types that programs expect to find, beyond those of the language.
 */
typedef unsigned int uid_t;
typedef unsigned int gid_t;
typedef unsigned int mode_t;
typedef unsigned long dev_t;
typedef unsigned long ino_t;
typedef unsigned long nlink_t;
typedef long off_t;
typedef long loff_t;
typedef long time_t;
typedef long suseconds_t;
typedef long clock_t;
typedef int clockid_t;
typedef int key_t;
typedef unsigned int socklen_t;
typedef unsigned short sa_family_t;
typedef unsigned short in_port_t;
typedef unsigned int in_addr_t;
typedef int processorid_t;
typedef int psetid_t;
typedef int chipid_t;
typedef int lgrp_id_t;
typedef int taskid_t;
typedef int dprojid_t;
typedef int projid_t;
typedef int poolid_t;
typedef int zoneid_t;
typedef long hrtime_t;
typedef unsigned int boolean_t;
typedef char *caddr_t;

/* What C headers of the kernel call them. */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;
typedef signed char s8;
typedef short s16;
typedef int s32;
typedef long s64;
typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long __s64;

typedef struct timespec {
	long tv_sec;
	long tv_nsec;
} timespec_t;

typedef struct timespec timestruc_t;

struct timeval {
	long tv_sec;
	long tv_usec;
};

inline long NULL = 0;
