/*
 * Static probes with the macros of SystemTap's and Solaris' sys/sdt.h.
 *
 *	DTRACE_PROBE2(provider, name, a, b)	STAP_PROBE2(provider, name, a, b)
 *
 * "__" in the name is a dash in the probe's name.  With _SDT_HAS_SEMAPHORES
 * defined, each probe has a semaphore PROVIDER_NAME_semaphore, an unsigned
 * short in section .probes that the program defines: it is not 0 while somebody
 * traces the probe.
 */
#ifndef _SYS_SDT_H
#define _SYS_SDT_H

#include "dtrace_sdt.h"

#ifdef _SDT_HAS_SEMAPHORES
#define _DT_SDT_SEMAPHORE(provider, name) _DT_SDT_STR(provider##_##name##_semaphore)
#else
#define _DT_SDT_SEMAPHORE(provider, name) "0"
#endif

#define STAP_PROBE(provider, name)	\
	_DT_SDT_PROBE0(#provider, #name, _DT_SDT_SEMAPHORE(provider, name))
#define STAP_PROBE1(provider, name, a0)	\
	_DT_SDT_PROBE1(#provider, #name, _DT_SDT_SEMAPHORE(provider, name), a0)
#define STAP_PROBE2(provider, name, a0, a1)	\
	_DT_SDT_PROBE2(#provider, #name, _DT_SDT_SEMAPHORE(provider, name), a0, a1)
#define STAP_PROBE3(provider, name, a0, a1, a2)	\
	_DT_SDT_PROBE3(#provider, #name, _DT_SDT_SEMAPHORE(provider, name), a0, a1, a2)
#define STAP_PROBE4(provider, name, a0, a1, a2, a3)	\
	_DT_SDT_PROBE4(#provider, #name, _DT_SDT_SEMAPHORE(provider, name), a0, a1, a2, a3)
#define STAP_PROBE5(provider, name, a0, a1, a2, a3, a4)	\
	_DT_SDT_PROBE5(#provider, #name, _DT_SDT_SEMAPHORE(provider, name), a0, a1, a2, a3, a4)
#define STAP_PROBE6(provider, name, a0, a1, a2, a3, a4, a5)	\
	_DT_SDT_PROBE6(#provider, #name, _DT_SDT_SEMAPHORE(provider, name), a0, a1, a2, a3, a4, a5)
#define STAP_PROBE7(provider, name, a0, a1, a2, a3, a4, a5, a6)	\
	_DT_SDT_PROBE7(#provider, #name, _DT_SDT_SEMAPHORE(provider, name), a0, a1, a2, a3, a4, a5, a6)
#define STAP_PROBE8(provider, name, a0, a1, a2, a3, a4, a5, a6, a7)	\
	_DT_SDT_PROBE8(#provider, #name, _DT_SDT_SEMAPHORE(provider, name), a0, a1, a2, a3, a4, a5, a6, a7)
#define STAP_PROBE9(provider, name, a0, a1, a2, a3, a4, a5, a6, a7, a8)	\
	_DT_SDT_PROBE9(#provider, #name, _DT_SDT_SEMAPHORE(provider, name), a0, a1, a2, a3, a4, a5, a6, a7, a8)
#define STAP_PROBE10(provider, name, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9)	\
	_DT_SDT_PROBE10(#provider, #name, _DT_SDT_SEMAPHORE(provider, name), a0, a1, a2, a3, a4, a5, a6, a7, a8, a9)
#define STAP_PROBE11(provider, name, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10)	\
	_DT_SDT_PROBE11(#provider, #name, _DT_SDT_SEMAPHORE(provider, name), a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10)
#define STAP_PROBE12(provider, name, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11)	\
	_DT_SDT_PROBE12(#provider, #name, _DT_SDT_SEMAPHORE(provider, name), a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11)

#define DTRACE_PROBE1(provider, name, a0) STAP_PROBE1(provider, name, a0)
#define DTRACE_PROBE2(provider, name, a0, a1) STAP_PROBE2(provider, name, a0, a1)
#define DTRACE_PROBE3(provider, name, a0, a1, a2) STAP_PROBE3(provider, name, a0, a1, a2)
#define DTRACE_PROBE4(provider, name, a0, a1, a2, a3) STAP_PROBE4(provider, name, a0, a1, a2, a3)
#define DTRACE_PROBE5(provider, name, a0, a1, a2, a3, a4) STAP_PROBE5(provider, name, a0, a1, a2, a3, a4)
#define DTRACE_PROBE6(provider, name, a0, a1, a2, a3, a4, a5) STAP_PROBE6(provider, name, a0, a1, a2, a3, a4, a5)
#define DTRACE_PROBE7(provider, name, a0, a1, a2, a3, a4, a5, a6) STAP_PROBE7(provider, name, a0, a1, a2, a3, a4, a5, a6)
#define DTRACE_PROBE8(provider, name, a0, a1, a2, a3, a4, a5, a6, a7) STAP_PROBE8(provider, name, a0, a1, a2, a3, a4, a5, a6, a7)
#define DTRACE_PROBE9(provider, name, a0, a1, a2, a3, a4, a5, a6, a7, a8) STAP_PROBE9(provider, name, a0, a1, a2, a3, a4, a5, a6, a7, a8)
#define DTRACE_PROBE10(provider, name, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9) STAP_PROBE10(provider, name, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9)
#define DTRACE_PROBE11(provider, name, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10) STAP_PROBE11(provider, name, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10)
#define DTRACE_PROBE12(provider, name, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11) STAP_PROBE12(provider, name, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11)

/* With any number of arguments; the name is counted with them, so there is always one. */
#define _DT_SDT_COUNT_(x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, n, ...) n
#define _DT_SDT_COUNT(...) \
	_DT_SDT_COUNT_(__VA_ARGS__, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, _)
#define _DT_SDT_PASTE_(a, b) a##b
#define _DT_SDT_PASTE(a, b) _DT_SDT_PASTE_(a, b)
#define STAP_PROBE0(provider, name) STAP_PROBE(provider, name)
#define STAP_PROBEV(provider, ...) \
	_DT_SDT_PASTE(STAP_PROBE, _DT_SDT_COUNT(__VA_ARGS__))(provider, __VA_ARGS__)
#define DTRACE_PROBE(provider, ...) STAP_PROBEV(provider, __VA_ARGS__)

#endif
