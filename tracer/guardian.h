/*
 * The guardian: a small process that outlives a tracer killed by SIGKILL.
 *
 * It knows, in memory it shares with the tracer, which breakpoints stand in
 * processes that were running before us (-p), and where their control words
 * are.  When the tracer ends without a word (its end of a pipe closes), it
 * takes the breakpoints out and turns waiting into dropping.  Patches stay:
 * they do no harm.
 */
#ifndef GUARDIAN_H
#define GUARDIAN_H

struct engine;
struct guardian;

/* Starts it; NULL: it can't be had. */
struct guardian *guardian_start(void);
/* All breakpoints and control words of attached processes, anew. */
void guardian_sync(struct engine *e);
/* Nothing is left to look after. */
void guardian_end(struct guardian *g);

#endif
