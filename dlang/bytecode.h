/*
 * Bytecode of near and far programs.
 *
 * Codegen splits every clause into two programs of one instruction set.  near
 * looks at the thread when and where the probe fires and writes a record; far
 * reads the record and runs in the tracer's VM.  ops.def has every opcode with
 * its effect.  This header is also all that arch/ sees of dlang.
 *
 * A record (struct dl_record) is what near leaves behind, whether near was
 * interpreted over a stopped thread or ran as machine code in the target:
 *
 *	+--------+--------+---------+---------------+------------------+
 *	| header | faults | slots[] | tail: captured bytes, 8-aligned each |
 *	+--------+--------+---------+---------------+------------------+
 *
 * A slot is 8 bytes: a scalar's value, or for captured bytes
 * (tail offset | length << 32), offset counted from the start of the record.
 * If bit i of faults is set, slot i holds the address that could not be read,
 * and far raises BADADDR when (and only if) it uses the slot.  A captured
 * string is always NUL-terminated; length counts the bytes before the NUL.
 */
#ifndef DL_BYTECODE_H
#define DL_BYTECODE_H

#include <stddef.h>
#include <stdint.h>

enum dl_op {
#define OP(name, format, tier, effect) DL_OP_##name,
#include "ops.def"
#undef OP
	DL_OP_COUNT
};

struct dl_insn {
	uint8_t op, a, b, c;
	int32_t imm;
};
_Static_assert(sizeof(struct dl_insn) == 8, "instruction word");

#define NEAR_REGS 6 /* near may use registers 0..5: they become machine registers */
#define NEAR_SLOTS_MAX 64 /* one bit each in faults */
#define NEAR_CAP_MAX (1u << 20) /* bytes one NCAPM may capture */
#define NLD_SIGNED 0x80u /* in c of NLD/LD: sign-extend */

/* A verified program.  insns and consts are owned by the compile arena. */
struct dl_code {
	const struct dl_insn *insns;
	uint32_t n;
	const uint64_t *consts; /* pool for LDK */
	uint32_t n_consts;
	uint32_t n_regs; /* highest register used + 1 */
};

static inline int dl_op_jumps(uint8_t op)
{
	return op == DL_OP_JMP || op == DL_OP_JZ || op == DL_OP_JNZ;
}

/* Captures memory into the record, and closes the slot. */
static inline int dl_op_captures(uint8_t op)
{
	return op == DL_OP_NCAPS || op == DL_OP_NCAPSN || op == DL_OP_NCAPM;
}

static inline int dl_op_closes_slot(uint8_t op)
{
	return op == DL_OP_NSLOT || dl_op_captures(op);
}

/* --- record --- */

#define DL_REC_FIRST 1u /* first clause of its firing: clause-locals start at zero */
#define DL_REC_NEAR 2u /* of the clause as near_self.h has it; the tracer says so */
#define DL_REC_ERRNO 16 /* bits from here on: errno of a system call's return */

struct dl_record {
	uint32_t len; /* whole record in bytes, multiple of 8; stored last: it commits */
	uint32_t epid; /* enabling (probe x clause) */
	uint32_t flags; /* DL_REC_* */
	uint32_t n_slots;
	uint64_t time; /* ns, CLOCK_MONOTONIC (record tier: raw counter, converted on drain) */
	uint64_t faults; /* bit i: slot i could not be read */
	uint64_t slots[];
};

/* --- built-in variables that far asks its host for --- */

enum dl_bvar {
	DL_BV_TIMESTAMP, /* of the record */
	DL_BV_VTIMESTAMP,
	DL_BV_WALLTIMESTAMP,
	DL_BV_PID,
	DL_BV_TID,
	DL_BV_PPID,
	DL_BV_UID,
	DL_BV_GID,
	DL_BV_EXECNAME, /* string */
	DL_BV_EXECARGS, /* string */
	DL_BV_PROBEPROV,
	DL_BV_PROBEMOD,
	DL_BV_PROBEFUNC,
	DL_BV_PROBENAME, /* strings */
	DL_BV_ID,
	DL_BV_EPID,
	DL_BV_CPU,
	DL_BV_ERRNO,
	DL_BV_UCALLER,
	DL_BV_USTACKDEPTH,
	DL_BV_CALLER,
	DL_BV_STACKDEPTH,
	DL_BV_IPL, /* 0: no kernel */
	DL_BV_CWD,
	DL_BV_ROOT,
	DL_BV_ZONENAME, /* strings */
	DL_BV_ARG, /* indexed; only where near can't (ERROR probe, timers) */
	DL_BV_UREGS, /* indexed; only with a run-time index */
	DL_BV_THREAD_LOCAL, /* indexed: address of the host's thread-local variable */
	DL_BV_CURPROC, /* opaque handle of the current process, for translators */
	DL_BV_CURTHREAD, /* opaque handle of the current thread */
	DL_BV_COUNT
};

/* --- effects on the target (ACT) --- */

enum dl_effect {
	DL_EF_STOP, /* stop(): SIGSTOP when the thread leaves the probe */
	DL_EF_RAISE, /* raise(a) */
	DL_EF_CHILL, /* chill(a) */
	DL_EF_EXIT, /* exit(a): status is also in the record */
	DL_EF_COUNT
};

enum dl_symkind {
	DL_SYM_UADDR,
	DL_SYM_USYM,
	DL_SYM_UMOD, /* uaddr(), usym()/ufunc(), umod() */
};

/* --- subroutines (CALL) --- */

enum dl_subr {
#define SUBR(id, name, min, max, proto, flags) DL_SUBR_##id,
#include "subr.def"
#undef SUBR
	DL_SUBR_COUNT
};

/* --- fault codes, as ERROR's arg4 --- */

enum dl_fault {
	DL_FLT_NONE = -1,
	DL_FLT_UNKNOWN = 0,
	DL_FLT_BADADDR,
	DL_FLT_BADALIGN,
	DL_FLT_ILLOP,
	DL_FLT_DIVZERO,
	DL_FLT_NOSCRATCH,
	DL_FLT_KPRIV,
	DL_FLT_UPRIV,
	DL_FLT_TUPOFLOW,
	DL_FLT_BADSTACK,
	DL_FLT_BADSIZE,
	DL_FLT_BADINDEX,
	DL_FLT_LIBRARY = 1000,
};

/* The address of what a probe's argument has no value for; no program has memory there. */
#define DL_ADDR_NO_VALUE UINT64_C(0x8000006e6f6e6500)

/*
 * D memory.  A 64-bit value whose top 16 bits are DL_DMEM_TAG is the address
 * of D-owned memory: region in bits 40..47, offset below.  Everything else is
 * an address in the target.  No user address of either architecture has these
 * bits set.
 */
#define DL_DMEM_TAG 0xfffeull
#define DL_DMEM_ADDR(region, off) \
	((DL_DMEM_TAG << 48) | ((uint64_t)(region) << 40) | (uint64_t)(off))
#define DL_IS_DMEM(addr) (((uint64_t)(addr) >> 48) == DL_DMEM_TAG)
enum dl_region_id {
	DL_MEM_SCRATCH = 1,
	DL_MEM_LITERAL,
	DL_MEM_RECORD,
	DL_MEM_GLOBAL,
	DL_MEM_TLS,
	DL_MEM_LOCAL,
	DL_MEM_DYNVAR,
	DL_MEM_HOST,
};

#endif
