/*
 * The one interface to the processor.
 *
 * arch/x86_64/ and arch/aarch64/ hold the same files with the same functions;
 * the build picks one.  Nothing outside arch/ asks which CPU this is.
 *
 *	abi.c       where parameters are at a function's start
 *	regs.c      registers, arguments, results, system-call numbers and arguments
 *	insn.c      decode, relocate, places in out-of-line copies
 *	length.c    our own fast decoder: length and flow
 *	returns.c   where a function is left
 *	emulate.c   an instruction's work done on a register set
 *	near.c      near program -> machine code; tramp.c, patch.c: record.h
 *	syscalls.c  system-call names
 *	elf.c       relocations, start code
 *	unwind.c    DWARF register numbers
 *	usdt.c      operands of USDT arguments
 */
#ifndef ARCH_H
#define ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ------------------------------------------------------------- regs.c -- */

/* The general registers as the kernel lays them out for ptrace. */
#define ARCH_REG_WORDS 34
struct arch_regs {
	uint64_t w[ARCH_REG_WORDS];
};

/* 0, or -errno (ESRCH: the thread is gone or not stopped). */
int arch_regs_read(pid_t tid, struct arch_regs *r);
int arch_regs_write(pid_t tid, const struct arch_regs *r);
/* Reads or sets only the program counter of a stopped thread: the cheapest way there is. */
int arch_pc_read(pid_t tid, uint64_t *pc);
int arch_pc_write(pid_t tid, uint64_t pc);
/* True: these two cost much less than all registers (x86_64's PTRACE_PEEKUSER, POKEUSER). */
extern const bool arch_pc_is_cheap;
/*
 * Registers that a system-call stop hides (aarch64: x7), as a later stop of
 * the same thread shows them.  For writing back what a syscall stop gave.
 */
void arch_regs_reveal(struct arch_regs *r, const struct arch_regs *later);

uint64_t arch_pc(const struct arch_regs *r);
void arch_set_pc(struct arch_regs *r, uint64_t pc);
uint64_t arch_sp(const struct arch_regs *r);
void arch_set_sp(struct arch_regs *r, uint64_t sp);
uint64_t arch_fp(const struct arch_regs *r);

/*
 * Integer argument n (from 0) at a function's first instruction.  true: *ret
 * is the value; false: *ret is the stack address the value must be read from.
 * System V AMD64 ABI 3.2.3 / AAPCS64 6.8.2.
 */
bool arch_arg(const struct arch_regs *r, unsigned n, uint64_t *ret);
/* As arch_arg(), where no return address is on the stack (USDT call sites). */
bool arch_call_arg(const struct arch_regs *r, unsigned n, uint64_t *ret);
unsigned arch_reg_args(void); /* how many come in registers */
uint64_t arch_retval(const struct arch_regs *r); /* rax / x0 */
uint64_t arch_retval2(const struct arch_regs *r); /* rdx / x1 */
void arch_set_retval(struct arch_regs *r, uint64_t v);
/*
 * Where the caller's address is at a function's first instruction: true =
 * *ret is the return address itself (lr), false = the stack word to read.
 */
bool arch_return_address(const struct arch_regs *r, uint64_t *ret);

/*
 * Of the general registers without program counter and flags: two sets that differ are
 * told apart, as far as 64 bits can.
 */
uint64_t arch_regs_digest(const struct arch_regs *r);

/* uregs[n], numbering of the builtins document; false: no such register. */
bool arch_ureg(const struct arch_regs *r, unsigned n, uint64_t *ret);
struct arch_ureg_name {
	const char *name; /* "R_RAX"; the list ends with NULL */
	unsigned n;
};
extern const struct arch_ureg_name arch_ureg_names[];

/*
 * Parameters and result as the calling convention sees them.  A class that
 * is not trivial to copy is passed as the address of a copy.
 */
enum arch_param_kind {
	ARCH_PARAM_INT, /* integers, pointers, references */
	ARCH_PARAM_FLOAT, /* float, double */
	ARCH_PARAM_LONG_DOUBLE,
	ARCH_PARAM_VECTOR, /* what SIMD instructions work on */
	ARCH_PARAM_STRUCT, /* struct, union or complex by value */
	ARCH_PARAM_PAIR, /* two numbers, each passed as if it were alone (Rust) */
	ARCH_PARAM_BY_REF,
};
/* A number that a value consists of. */
struct arch_scalar {
	uint64_t at;
	uint8_t size;
	bool is_float;
};
struct arch_param {
	enum arch_param_kind kind;
	uint64_t size; /* bytes; 0: takes no place */
	bool is_float[2]; /* STRUCT of up to 16 bytes: its words hold nothing but floats */
	bool has_long_double; /* STRUCT */
	uint8_t n_same_floats; /* STRUCT of 1 to 4 floats of one size and nothing else */
	struct arch_scalar pair[2]; /* PAIR */
};

/* Where a parameter is at a function's first instruction, a result at its return. */
enum arch_where_how {
	ARCH_NOWHERE,
	ARCH_IN_WORD, /* it is word n */
	ARCH_IN_PIECES,
	ARCH_ON_STACK, /* in memory, where word n is */
	ARCH_AT_ADDRESS, /* in memory, at the address that word n is */
};
enum arch_piece_kind {
	ARCH_PIECE_WORD,
	ARCH_PIECE_VECTOR, /* arch_vector_bytes(n) */
	ARCH_PIECE_DWARF, /* the general register DWARF calls n */
};
struct arch_piece {
	uint8_t kind, n;
	uint8_t at, size; /* which bytes of the value */
};
#define ARCH_PIECES_MAX 9
#define ARCH_PIECES_BYTES 64 /* a value in pieces is not larger */
/* Words are those of arch_arg(); of results arch_retval() and arch_retval2(). */
struct arch_where {
	enum arch_where_how how;
	uint8_t n, n_pieces;
	bool is_partial; /* the pieces may not be all of it */
	struct arch_piece pieces[ARCH_PIECES_MAX];
};
/* places[i] is where parameter i is; result may be NULL. */
void arch_place_params(const struct arch_param *result, const struct arch_param *params, unsigned n,
		       struct arch_where *places);
void arch_place_result(const struct arch_param *result, struct arch_where *ret);
/* Go's convention: registers in their order, and the first word (arch_arg()) of its stack. */
struct arch_go {
	uint8_t ints[16], n_ints; /* DWARF's numbers */
	uint8_t n_vectors; /* from 0 on */
	uint8_t stack_word;
};
extern const struct arch_go arch_go;
/* n of arch_arg() that is in DWARF register reg at a function's start; -1. */
int arch_arg_of_dwarf(unsigned reg);
/* Number of the vector register that DWARF calls reg; -1. */
int arch_vector_of_dwarf(unsigned reg);

/* System calls.  At an entry (seccomp or syscall stop) nr and arguments, at an
 * exit the result, are in these registers. */
uint64_t arch_syscall_nr_get(const struct arch_regs *r);
/* Changes the number of the pending call (-1: skip it); writes to the thread. */
int arch_syscall_nr_set(pid_t tid, struct arch_regs *r, uint64_t nr);
uint64_t arch_syscall_arg(const struct arch_regs *r, unsigned n);
int64_t arch_syscall_result(const struct arch_regs *r);
/*
 * Prepares registers for a remote call of nr at pc (the bytes of
 * arch_syscall_stub): arguments, pc, and whatever keeps the kernel from
 * restarting the call the thread was in (x86: orig_rax = -1).
 */
void arch_syscall_setup(struct arch_regs *r, uint64_t pc, uint64_t nr, const uint64_t args[6]);
/* Inside an interrupted system call whose restart is still to be decided? */
bool arch_in_syscall(const struct arch_regs *r);
/*
 * Where the kernel winds an interrupted call back before a stop can show it,
 * arch_in_syscall() is false; then: is r about to make again the call whose
 * entry or exit stop had this pc and sp?
 */
bool arch_syscall_rewound(const struct arch_regs *r, uint64_t pc, uint64_t sp);
/* At the entry of rt_sigreturn: where the pc and sp that it restores are. */
void arch_sigreturn_saved(const struct arch_regs *r, uint64_t *pc_at, uint64_t *sp_at);
/*
 * Where a patch covers several instructions: do these words of a stack look like the sp and
 * the pc that a signal's frame keeps, with what the kernel has behind them?
 */
#define ARCH_SIGFRAME_WORDS 4
extern const bool arch_patch_has_middle;
bool arch_sigframe_at(const uint64_t *words, size_t n);
/* AUDIT_ARCH_* of this build, for seccomp filters. */
uint32_t arch_audit(void);
/* "syscall; trap": the stub for remote calls. */
extern const uint8_t arch_syscall_stub[];
extern const size_t arch_syscall_stub_len;
/* The same with a loop in the place of the trap, for who may find nobody at the other end. */
extern const uint8_t arch_syscall_safe_stub[];
extern const size_t arch_syscall_safe_stub_len;
/* Offset in both stubs of the instruction after the call (where the trap is). */
extern const size_t arch_syscall_stub_trap;

/* ptrace's view of a target of another word size or machine: NULL if it is
 * ours, else what it is ("a 32-bit x86 program"). e_machine, e_class of its ELF. */
const char *arch_foreign(unsigned e_machine, unsigned e_class);

/* ------------------------------------------------------------- insn.c -- */

/* The breakpoint instruction. */
extern const uint8_t arch_bp[];
extern const size_t arch_bp_len;
/* pc reported at a breakpoint stop minus the site's address (x86: 1). */
extern const unsigned arch_bp_pc_bias;
#define ARCH_INSN_MAX 16
#define ARCH_SLOT_MAX 64 /* an out-of-line copy never needs more */

enum arch_flow {
	ARCH_FLOW_NEXT, /* falls through */
	ARCH_FLOW_JUMP, /* direct jump; target */
	ARCH_FLOW_COND, /* conditional; target */
	ARCH_FLOW_CALL, /* direct call; target */
	ARCH_FLOW_IJUMP, /* indirect jump */
	ARCH_FLOW_ICALL,
	ARCH_FLOW_RET,
	ARCH_FLOW_SYSCALL,
	ARCH_FLOW_TRAP, /* int3/brk, ud2, hlt, ... */
};

struct arch_insn {
	uint8_t len; /* 0: not decodable */
	enum arch_flow flow;
	uint64_t target; /* JUMP, COND, CALL */
	bool is_nop; /* nop of any length, endbr64, bti */
	bool uses_pc; /* PC-relative memory operand or branch */
};

/* Decodes the instruction at code (avail bytes at hand), which lives at pc. */
bool arch_insn_decode(const uint8_t *code, size_t avail, uint64_t pc, struct arch_insn *ret);
/*
 * The same, length and flow only, by our own tables: tens of nanoseconds, for
 * walking whole libraries.  Agrees with arch_insn_decode (tested).
 */
bool arch_insn_length(const uint8_t *code, size_t avail, uint64_t pc, struct arch_insn *ret);

/*
 * Walks a function's code and calls fn for each place it can be left:
 * returns, and jumps out of [addr, addr + len) (tail calls; indirect jumps
 * count as leaving unless they look like a switch inside the function).
 * false: a byte could not be decoded; *bad_ret is its offset (calls made so
 * far stand).
 */
bool arch_find_returns(const uint8_t *code, size_t len, uint64_t addr,
		       void (*fn)(void *arg, uint64_t off, enum arch_flow flow), void *arg,
		       uint64_t *bad_ret);
/* Is off the start of an instruction?  (walks from the start) */
bool arch_is_boundary(const uint8_t *code, size_t len, uint64_t addr, uint64_t off);

/*
 * The out-of-line copy of one instruction: code at old_pc rewritten to run at
 * new_pc and followed by a jump to old_pc + len (unless it never falls
 * through).  Returns bytes written to out (at most ARCH_SLOT_MAX), or 0 with
 * *why_ret = static text ("a breakpoint instruction of the program's own").
 */
size_t arch_relocate(const uint8_t *code, size_t avail, uint64_t old_pc, uint64_t new_pc,
		     uint8_t *out, const char **why_ret);
/* How far a slot may be from its site (±): 2 GiB, 126 MiB. */
extern const uint64_t arch_reach;
/*
 * Why no breakpoint may stand at code + off, whatever the instruction there,
 * NULL if one may: what comes before it decides (aarch64: an exclusive load).
 * More than arch_lookback bytes before the site are not looked at; 0: none.
 */
#define ARCH_LOOKBACK_MAX 128
extern const size_t arch_lookback;
const char *arch_site_refuse(const uint8_t *code, size_t off);

/*
 * pc inside a slot -> the address in the original code that it stands for
 * (for signal frames and unwinding).  off = pc - slot start; returns offset
 * from the site's address, or -1 if there is no equal place.
 */
int64_t arch_slot_to_orig(const uint8_t *slot, size_t slot_len, size_t insn_len, uint64_t off);

/*
 * Does the instruction's whole work on regs instead of running it, when that
 * needs no memory (nop, endbr64, direct jumps, conditional jumps, mov
 * reg,reg, lea, ...).  true: regs are those after it.
 */
bool arch_emulate(const uint8_t *code, size_t avail, uint64_t pc, struct arch_regs *r);

/* ------------------------------------------------- elf.c, unwind.c -- */

/*
 * The program counter's first hops: code is what stands at the ELF entry
 * point (pc).  0: unknown.  If *is_slot, the address is that of a word that
 * holds main's address (GOT).
 */
uint64_t arch_main_from_entry(const uint8_t *code, size_t avail, uint64_t pc, bool *is_slot);

enum arch_reloc {
	ARCH_RELOC_OTHER,
	ARCH_RELOC_IRELATIVE, /* the slot gets what the resolver at addend returns */
	ARCH_RELOC_SLOT, /* the slot gets the address of the named symbol */
	ARCH_RELOC_TLS_MODULE, /* the slot gets the number of the object's thread-local block */
	ARCH_RELOC_TLS_OFFSET, /* the slot gets a variable's distance from the thread pointer */
	ARCH_RELOC_TLS_CALL, /* two slots: a function and its argument */
};
enum arch_reloc arch_reloc_kind(unsigned type);

/* The segment of thread-local storage. */
struct arch_tls {
	uint64_t addr, size, align; /* link-time */
};
/* Where the program's own is, by the thread pointer; libraries' are in a table. */
uint64_t arch_tls_program(uint64_t thread_pointer, const struct arch_tls *seg);
/* The word that has the table's address. */
uint64_t arch_tls_table(uint64_t thread_pointer, bool is_musl);

/* DWARF register numbers: 0 .. ARCH_DWARF_REGS-1 are tracked when unwinding. */
#define ARCH_DWARF_REGS 40
extern const unsigned arch_dwarf_sp, arch_dwarf_fp;
/* What the frame pointer points to is at the low end of a frame, whose size it doesn't tell. */
extern const bool arch_fp_is_low;
/* Value of DWARF register n; the return-address column of x86 is the pc. */
bool arch_dwarf_reg(const struct arch_regs *r, unsigned n, uint64_t *ret);
int arch_dwarf_word(unsigned n); /* which word of arch_regs that is; -1: none */
/* The code address in a return address as the program keeps it: without the
 * signature of pointer authentication. */
uint64_t arch_code_address(uint64_t v);
/*
 * Do these bytes begin a signal trampoline that no tables describe?  Then the
 * interrupted registers lie at sp + *off_ret, with the pc last; returns how
 * many, else 0.  Which they are is said by arch_sigframe_order, indexed by
 * place; NULL: in the order of DWARF numbers.
 */
#define ARCH_SIGFRAME_CODE 16 /* bytes to look at */
unsigned arch_sigframe(const uint8_t *code, size_t avail, unsigned *off_ret);
extern const uint8_t *const arch_sigframe_order;
/*
 * Is the pc (at code, with before bytes known ahead of it) in a linkage stub
 * that no tables describe and that leaves the return address where the call
 * put it?  *sp_off_ret is how far down the stub has moved sp.
 */
bool arch_linkage_stub(const uint8_t *code, size_t before, size_t avail, unsigned *sp_off_ret);
/*
 * Is what ends at addr a call?  code: the ARCH_CALL_MAX bytes before addr.
 * *target_ret: where it leads, 0 if that isn't in the instruction.
 */
#define ARCH_CALL_MAX 8
bool arch_call_before(const uint8_t code[ARCH_CALL_MAX], uint64_t addr, uint64_t *target_ret);
/*
 * What a function without tables has done to the stack before the instruction
 * at pc, counted from its first one, whose first len bytes are code; told by the
 * instructions that compilers push registers and make room with.  len may be
 * less: then the frame is whole.  false: nothing is known.
 */
#define ARCH_SAVED_MAX 12
#define ARCH_PROLOGUE_CODE 2048 /* bytes to look at */
struct arch_prologue {
	uint64_t depth; /* sp's way down since the first instruction */
	bool sp_unknown; /* room of a size that is not in the code: the frame pointer tells */
	bool sets_fp; /* the frame pointer is this function's own */
	uint64_t fp_depth; /* and is this far below where sp was */
	int ra_reg; /* the register with the return address; -1: it is on the stack */
	uint64_t ra_depth; /* where it is there, as sp's way down; 0: above that */
	unsigned n_saved;
	struct {
		uint8_t reg; /* DWARF's number */
		uint64_t depth; /* where it is, as sp's way down */
	} saved[ARCH_SAVED_MAX];
};
bool arch_prologue(const uint8_t *code, size_t len, uint64_t pc, struct arch_prologue *ret);
/*
 * Does code lead to a return without doing more than to take down the frame?
 * Then *ret is what is left of it to be undone.  false: or it isn't known.
 */
#define ARCH_EPILOGUE_CODE 32 /* bytes to look at */
bool arch_epilogue(const uint8_t *code, size_t len, struct arch_prologue *ret);
/* Programs' addresses are below this. */
extern const uint64_t arch_user_end;

/* ------------------------------------------------------------- usdt.c -- */

enum arch_operand_kind {
	ARCH_OP_CONST, /* value (+ address of symbol) */
	ARCH_OP_REG, /* word base, shifted right */
	ARCH_OP_VECTOR, /* low 64 bits of vector register base */
	ARCH_OP_MEM, /* at base + index * scale + value + address of symbol */
};
/* What becomes of the index register's low 32 bits. */
enum { ARCH_EXTEND_NONE, ARCH_EXTEND_ZERO, ARCH_EXTEND_SIGNED };

/* One operand as the assembler prints it; text of the symbol is borrowed. */
struct arch_operand {
	enum arch_operand_kind kind;
	int16_t base, index; /* words of struct arch_regs, -1 none */
	uint8_t scale, extend, shift;
	int64_t value;
	const char *symbol; /* NULL none */
	size_t symbol_len;
};

/* "-8(%rbp)", "[sp, 16]", ...  false: not an operand of this processor. */
bool arch_operand_parse(const char *text, size_t len, struct arch_operand *ret);
/*
 * dtrace -G: a call whose relocation is at off becomes the site of a probe;
 * false: it is no call.  Nothing is left to relocate there (arch_link_none).
 */
struct arch_link_site {
	uint64_t at;
	bool is_tail; /* it was a jump: a return stands there now */
};
bool arch_link_probe(uint8_t *code, size_t len, uint64_t off, struct arch_link_site *ret);
extern const uint32_t arch_link_none, arch_link_word; /* relocations: nothing; an address */
/* Argument n of such a call, as the note of a static probe has it ("-4@%edi"). */
void arch_link_operand(unsigned n, unsigned size, bool is_signed, bool is_tail, char buf[32]);
/*
 * Calls through registers (-fno-plt).  An instruction that loads a function's address
 * because of a relocation of that type at off: the register, -1 if it is none; *at_ret:
 * where the instruction begins.  It is set, too, if that jumps to the address itself.
 */
int arch_link_load(const uint8_t *code, size_t len, uint64_t off, uint32_t type, uint64_t *at_ret);
/* What an instruction does to registers that may hold such an address. */
#define ARCH_LINK_REGS 32
struct arch_link_step {
	struct arch_insn insn;
	uint32_t written; /* the registers it may change, as a set */
	int to, from; /* it copies one register, -1: it doesn't */
	int through; /* the register that it calls or jumps through, -1: none */
};
bool arch_link_step(const uint8_t *code, size_t avail, uint64_t pc, struct arch_link_step *ret);
/* The call or jump through a register at off becomes a site. */
void arch_link_indirect(uint8_t *code, size_t len, uint64_t off, struct arch_link_site *ret);
/* A function that returns a 16-bit counter; the relocations are against that. */
struct arch_link_code {
	uint8_t code[24];
	unsigned len, n_relocs;
	unsigned site; /* arch_link_fire(): where its nop is */
	struct {
		uint64_t off;
		uint32_t type;
		int64_t addend;
	} relocs[2];
};
void arch_link_enabled(struct arch_link_code *ret);
/* A function that is nothing but a site, with its parameters as a tail call has them. */
void arch_link_fire(struct arch_link_code *ret);
/* .note.gnu.property's type and bits for objects whose code may be reached indirectly. */
extern const uint32_t arch_link_property[2];

/* Low 64 bits of a stopped thread's vector register. */
bool arch_vector_read(pid_t tid, unsigned n, uint64_t *ret);
/* All of it; n may also be one that arch_place_result() made up (the x87 stack's top). */
bool arch_vector_bytes(pid_t tid, unsigned n, uint8_t ret[16]);

/* --------------------------------------------------------- syscalls.c -- */

/* Tracepoint-style name ("newfstat"), NULL if nr is unknown. */
const char *arch_syscall_name(unsigned nr);
/* The table name ("fstat") where it differs, else NULL. */
const char *arch_syscall_alias(unsigned nr);
/* Number of the call with that name or alias, -1 if none. */
int arch_syscall_by_name(const char *name);
unsigned arch_syscall_max(void); /* numbers are below this */

#endif
