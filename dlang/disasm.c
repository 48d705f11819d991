/*
 * -S: the programs of every clause as text, and ops.def as a table.
 *
 * One instruction per line: number, mnemonic, operands, and behind ';' what
 * the numbers mean.  Tests compare the text: the layout is stable.
 */
#include "codegen.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "strbuf.h"

const struct cg_op_info cg_ops[DL_OP_COUNT] = {
#define OP(name, format, tier, effect) { #name, CG_F_##format, CG_T_##tier },
#include "ops.def"
#undef OP
};

static const char *const subr_names[] = {
#define SUBR(id, name, min, max, proto, flags) name,
#include "subr.def"
#undef SUBR
};

static const char *const bvar_names[DL_BV_COUNT] = {
	[DL_BV_TIMESTAMP] = "timestamp",
	[DL_BV_VTIMESTAMP] = "vtimestamp",
	[DL_BV_WALLTIMESTAMP] = "walltimestamp",
	[DL_BV_PID] = "pid",
	[DL_BV_TID] = "tid",
	[DL_BV_PPID] = "ppid",
	[DL_BV_UID] = "uid",
	[DL_BV_GID] = "gid",
	[DL_BV_EXECNAME] = "execname",
	[DL_BV_EXECARGS] = "execargs",
	[DL_BV_PROBEPROV] = "probeprov",
	[DL_BV_PROBEMOD] = "probemod",
	[DL_BV_PROBEFUNC] = "probefunc",
	[DL_BV_PROBENAME] = "probename",
	[DL_BV_ID] = "id",
	[DL_BV_EPID] = "epid",
	[DL_BV_CPU] = "cpu",
	[DL_BV_ERRNO] = "errno",
	[DL_BV_UCALLER] = "ucaller",
	[DL_BV_USTACKDEPTH] = "ustackdepth",
	[DL_BV_CALLER] = "caller",
	[DL_BV_STACKDEPTH] = "stackdepth",
	[DL_BV_IPL] = "ipl",
	[DL_BV_CWD] = "cwd",
	[DL_BV_ROOT] = "root",
	[DL_BV_ZONENAME] = "zonename",
	[DL_BV_ARG] = "arg",
	[DL_BV_UREGS] = "uregs",
	[DL_BV_THREAD_LOCAL] = "thread-local",
	[DL_BV_CURPROC] = "curproc",
	[DL_BV_CURTHREAD] = "curthread",
};

static const char *const effect_names[DL_EF_COUNT] = {
	[DL_EF_STOP] = "stop",
	[DL_EF_RAISE] = "raise",
	[DL_EF_CHILL] = "chill",
	[DL_EF_EXIT] = "exit",
};

static const char *const sym_names[] = {
	[DL_SYM_UADDR] = "uaddr",
	[DL_SYM_USYM] = "usym",
	[DL_SYM_UMOD] = "umod",
};

static const char *const action_names[] = {
	[DL_ACT_TRACE] = "trace",
	[DL_ACT_PRINTF] = "printf",
	[DL_ACT_PRINTA] = "printa",
	[DL_ACT_PRINT] = "print",
	[DL_ACT_PRINTM] = "printm",
	[DL_ACT_TRACEMEM] = "tracemem",
	[DL_ACT_STACK] = "stack",
	[DL_ACT_USTACK] = "ustack",
	[DL_ACT_SYM] = "usym",
	[DL_ACT_SYSTEM] = "system",
	[DL_ACT_FREOPEN] = "freopen",
	[DL_ACT_FTRUNCATE] = "ftruncate",
	[DL_ACT_SETOPT] = "setopt",
	[DL_ACT_CLEAR] = "clear",
	[DL_ACT_TRUNC] = "trunc",
	[DL_ACT_NORMALIZE] = "normalize",
	[DL_ACT_DENORMALIZE] = "denormalize",
	[DL_ACT_EXIT] = "exit",
	[DL_ACT_NOTHING] = "expression",
};

static const char *name_of(const char *const *names, size_t n, int64_t i)
{
	return i >= 0 && (uint64_t)i < n && names[i] ? names[i] : "?";
}
#define NAME_OF(table, i) name_of(table, ARRAY_SIZE(table), i)

/* --- operands --- */

static void add_operands(struct strbuf *sb, uint32_t pc, const struct dl_insn *i)
{
	switch (cg_ops[i->op].format) {
	case CG_F_N: break;
	case CG_F_A:
	case CG_F_S: strbuf_printf(sb, "r%u", i->a); break;
	case CG_F_AI:
	case CG_F_SI: strbuf_printf(sb, "r%u, %" PRId32, i->a, i->imm); break;
	case CG_F_AB: strbuf_printf(sb, "r%u, r%u", i->a, i->b); break;
	case CG_F_ABC: strbuf_printf(sb, "r%u, r%u, r%u", i->a, i->b, i->c); break;
	case CG_F_ABI:
	case CG_F_SSI: strbuf_printf(sb, "r%u, r%u, %" PRId32, i->a, i->b, i->imm); break;
	case CG_F_SSCI:
		strbuf_printf(sb, "r%u, r%u, %u, %" PRId32, i->a, i->b, i->c, i->imm);
		break;
	case CG_F_I: strbuf_printf(sb, "%" PRId32, i->imm); break;
	case CG_F_J: strbuf_printf(sb, "-> %" PRId64, pc + 1 + (int64_t)i->imm); break;
	case CG_F_SJ: strbuf_printf(sb, "r%u, -> %" PRId64, i->a, pc + 1 + (int64_t)i->imm); break;
	}
}

static void add_memory_operands(struct strbuf *sb, const struct dl_insn *i)
{
	static const char signs[] = "+-";
	int64_t off = i->imm;
	unsigned size = i->c & ~NLD_SIGNED;

	strbuf_printf(sb, "r%u, [r%u", i->a, i->b);
	if (off)
		strbuf_printf(sb, " %c %" PRId64, signs[off < 0], off < 0 ? -off : off);
	strbuf_printf(sb, "], %c%u", i->c & NLD_SIGNED ? 's' : 'u', size * 8);
}

static void add_literal(struct strbuf *sb, const char *s, uint32_t len)
{
	strbuf_putc(sb, '"');
	for (uint32_t i = 0; i < len && i < 40; i++) {
		unsigned char ch = (unsigned char)s[i];

		if (ch == '"' || ch == '\\')
			strbuf_printf(sb, "\\%c", ch);
		else if (ch == '\n')
			strbuf_puts(sb, "\\n");
		else if (ch < ' ' || ch >= 127)
			strbuf_printf(sb, "\\%03o", ch);
		else
			strbuf_putc(sb, (char)ch);
	}
	strbuf_puts(sb, len > 40 ? "\"..." : "\"");
}

static void add_var(struct strbuf *sb, const struct dl_ctx *c, int32_t imm)
{
	static const char *const scopes[] = { "", "self->", "this->" };
	const struct dl_var *v;

	if (!c || imm < 0 || (size_t)imm >= c->vars.n)
		return;
	v = c->vars.items[imm];
	strbuf_printf(sb, "%s%s", scopes[v->scope], v->name ? v->name : "?");
}

/* What imm stands for; nothing if it is a plain number. */
static void add_meaning(struct strbuf *sb, const struct dl_clause *cl, const struct dl_code *code,
			const struct dl_insn *i)
{
	const struct dl_ctx *c = cl->ctx;
	size_t k = (size_t)i->imm;

	switch (i->op) {
	case DL_OP_LDK:
		if (k < code->n_consts)
			strbuf_printf(sb, "0x%" PRIx64, code->consts[k]);
		break;
	case DL_OP_STR:
		if (c && k < c->strings.n && k < c->string_lens.n)
			add_literal(sb, c->strings.items[k], c->string_lens.items[k]);
		break;
	case DL_OP_LDV:
	case DL_OP_STV:
	case DL_OP_VADDR:
	case DL_OP_LDVK:
	case DL_OP_STVK: add_var(sb, c, i->imm); break;
	case DL_OP_AGG:
		if (c && k < c->agg_table.n)
			strbuf_printf(sb, "@%s", c->agg_table.items[k]->name);
		break;
	case DL_OP_CALL: strbuf_puts(sb, NAME_OF(subr_names, i->imm)); break;
	case DL_OP_BVAR:
	case DL_OP_BVARX: strbuf_puts(sb, NAME_OF(bvar_names, i->imm)); break;
	case DL_OP_TUPY:
	case DL_OP_TRY: strbuf_puts(sb, NAME_OF(sym_names, i->imm)); break;
	case DL_OP_ACT: strbuf_puts(sb, NAME_OF(effect_names, i->imm)); break;
	case DL_OP_TRB:
		if (k < cl->n_actions)
			strbuf_puts(sb, NAME_OF(action_names, cl->actions[k].kind));
		break;
	default: break;
	}
}

/* --- programs --- */

static void lower_name(char name[16], const char *s)
{
	size_t n = 0;

	for (; s[n] && n < 15; n++)
		name[n] = s[n] >= 'A' && s[n] <= 'Z' ? (char)(s[n] + 32) : s[n];
	name[n] = 0;
}

static void add_insn(struct strbuf *sb, const struct dl_clause *cl, const struct dl_code *code,
		     uint32_t pc)
{
	const struct dl_insn *i = &code->insns[pc];
	struct strbuf operands = { 0 }, meaning = { 0 };
	char name[16];

	strbuf_printf(sb, "    %4u  ", pc);
	if (i->op >= DL_OP_COUNT) {
		strbuf_printf(sb, "?%u\n", i->op);
		return;
	}
	if (i->op == DL_OP_LD || i->op == DL_OP_NLD || i->op == DL_OP_ST)
		add_memory_operands(&operands, i);
	else
		add_operands(&operands, pc, i);
	add_meaning(&meaning, cl, code, i);
	lower_name(name, cg_ops[i->op].name);
	if (operands.len)
		strbuf_printf(sb, "%-8s%s", name, strbuf_text(&operands));
	else
		strbuf_puts(sb, name);
	if (meaning.len) {
		strbuf_fill(sb, ' ', operands.len < 22 ? 22 - operands.len : 1);
		strbuf_printf(sb, "; %s", strbuf_text(&meaning));
	}
	strbuf_putc(sb, '\n');
	strbuf_deinit(&operands);
	strbuf_deinit(&meaning);
}

static void add_code(struct strbuf *sb, const struct dl_clause *cl, const struct dl_code *code)
{
	for (uint32_t pc = 0; pc < code->n; pc++)
		add_insn(sb, cl, code, pc);
}

static void add_description(struct strbuf *sb, const struct dl_clause *cl)
{
	const struct dl_pdesc *d = &cl->desc;

	if (cl->desc_text)
		strbuf_puts(sb, cl->desc_text);
	else if (d->id)
		strbuf_printf(sb, "%u", d->id);
	else
		strbuf_printf(sb, "%s:%s:%s:%s", d->prov ? d->prov : "", d->mod ? d->mod : "",
			      d->func ? d->func : "", d->name ? d->name : "");
}

static void add_clause(struct strbuf *sb, const struct dl_clause *cl, uint32_t number)
{
	strbuf_printf(sb, "clause %u: ", number);
	add_description(sb, cl);
	strbuf_putc(sb, '\n');
	if (cl->needs_stop)
		strbuf_printf(sb, "  needs a stop: %s\n", cl->needs_stop);
	else
		strbuf_printf(sb, "  record tier ok%s\n",
			      cl->wants_stack ? ", with the stack" : "");
	strbuf_printf(sb, "  near: %u slot%s, %u register%s\n", cl->n_slots,
		      cl->n_slots == 1 ? "" : "s", cl->near.n_regs,
		      cl->near.n_regs == 1 ? "" : "s");
	add_code(sb, cl, &cl->near);
	strbuf_printf(sb, "  far: %u register%s, %u action%s%s%s%s\n", cl->far.n_regs,
		      cl->far.n_regs == 1 ? "" : "s", cl->n_actions, cl->n_actions == 1 ? "" : "s",
		      cl->is_destructive ? ", destructive" : "", cl->has_aggs ? ", aggregates" : "",
		      cl->records || cl->n_actions ? "" : ", no record");
	add_code(sb, cl, &cl->far);
}

void dl_program_disasm(struct strbuf *sb, const struct dl_program *p)
{
	for (uint32_t i = 0; i < p->n_clauses; i++) {
		if (i)
			strbuf_putc(sb, '\n');
		add_clause(sb, &p->clauses[i], i + 1);
	}
}
