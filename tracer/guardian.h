/*
 * The guardian: a small process that outlives a tracer killed by SIGKILL.
 *
 * It knows, in memory it shares with the tracer, which breakpoints stand in
 * processes that were running before us (-p), where their control words are,
 * and which counters (semaphores of static probes) we raised.  When the tracer
 * ends without a word, it takes the breakpoints out, lowers the counters and
 * turns waiting into dropping.  Patches stay: they do no harm.  A thread that was
 * in a system call of ours gets its registers back.
 */
#ifndef GUARDIAN_H
#define GUARDIAN_H

#include <stdint.h>
#include <sys/types.h>

struct arch_regs;
struct engine;
struct guardian;

/* Starts it; NULL: it can't be had. */
struct guardian *guardian_start(void);
/* All breakpoints and control words of attached processes, anew. */
void guardian_sync(struct engine *e);
/* Around a call of ours by the safe stub: what the thread was doing, and its signal mask. */
void guardian_call_begins(struct engine *e, pid_t tid, uint64_t stub, const struct arch_regs *saved,
			  uint64_t mask);
void guardian_call_ends(struct engine *e);
/* Around the time in which the text there is ours: at most ARCH_SLOT_MAX bytes. */
void guardian_text_begins(struct engine *e, pid_t pid, uint64_t addr, const uint8_t *orig,
			  const uint8_t *ours, size_t len);
void guardian_text_ends(struct engine *e);
/* Nothing is left to look after. */
void guardian_end(struct guardian *g);

#endif
