/*
 * Open files: fds[], and the flags and modes of open() and access().
 * Field numbers are those of enum dl_fd_field.
 */
#pragma D depends_on library types.d

typedef struct fileinfo {
	string fi_name;
	string fi_dirname;
	string fi_pathname;
	loff_t fi_offset;
	string fi_fs;
	string fi_mount;
	int fi_oflags;
} fileinfo_t;

translator fileinfo_t < int F > {
	fi_name = __fd_str(F, 2);
	fi_dirname = __fd_str(F, 3);
	fi_pathname = __fd_str(F, 4);
	fi_offset = __fd_int(F, 0);
	fi_fs = __fd_str(F, 5);
	fi_mount = __fd_str(F, 6);
	fi_oflags = __fd_int(F, 1);
};

inline fileinfo_t fds[int fd] = xlate <fileinfo_t> (fd);

#pragma D attributes Stable/Stable/Common fds

inline int O_RDONLY = 0;
inline int O_WRONLY = 01;
inline int O_RDWR = 02;
inline int O_ACCMODE = 03;
inline int O_CREAT = 0100;
inline int O_EXCL = 0200;
inline int O_NOCTTY = 0400;
inline int O_TRUNC = 01000;
inline int O_APPEND = 02000;
inline int O_NONBLOCK = 04000;
inline int O_NDELAY = 04000;
inline int O_DSYNC = 010000;
inline int O_SYNC = 04010000;
inline int O_RSYNC = 04010000;
inline int O_ASYNC = 020000;
inline int O_CLOEXEC = 02000000;
inline int O_PATH = 010000000;

inline int AT_FDCWD = -100;
inline int F_OK = 0;
inline int X_OK = 1;
inline int W_OK = 2;
inline int R_OK = 4;
inline int SEEK_SET = 0;
inline int SEEK_CUR = 1;
inline int SEEK_END = 2;

inline int S_IFMT = 0170000;
inline int S_IFIFO = 010000;
inline int S_IFCHR = 020000;
inline int S_IFDIR = 040000;
inline int S_IFBLK = 060000;
inline int S_IFREG = 0100000;
inline int S_IFLNK = 0120000;
inline int S_IFSOCK = 0140000;
inline int S_ISUID = 04000;
inline int S_ISGID = 02000;
inline int S_ISVTX = 01000;
inline int S_IRWXU = 0700;
inline int S_IRUSR = 0400;
inline int S_IWUSR = 0200;
inline int S_IXUSR = 0100;
inline int S_IRWXG = 070;
inline int S_IRGRP = 040;
inline int S_IWGRP = 020;
inline int S_IXGRP = 010;
inline int S_IRWXO = 07;
inline int S_IROTH = 04;
inline int S_IWOTH = 02;
inline int S_IXOTH = 01;
