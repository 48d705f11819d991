/*
 * Tree nodes: making, naming and dumping them.
 */
#include "ast.h"

#include <inttypes.h>

#include "arena.h"
#include "strbuf.h"

struct dl_node *dl_node_new(struct arena *a, enum dl_node_kind kind, struct dl_range range)
{
	struct dl_node *n = ARENA_NEW(a, struct dl_node);

	n->kind = kind;
	n->range = range;
	n->height = 1;
	return n;
}

const char *dl_oper_name(enum dl_oper op)
{
	/* ORDER OPERATORS */
	static const char *const names[DL_O_COUNT] = {
		[DL_O_ADD] = "+",     [DL_O_SUB] = "-",	     [DL_O_MUL] = "*",
		[DL_O_DIV] = "/",     [DL_O_MOD] = "%",	     [DL_O_SHL] = "<<",
		[DL_O_SHR] = ">>",    [DL_O_AND] = "&",	     [DL_O_OR] = "|",
		[DL_O_XOR] = "^",     [DL_O_LAND] = "&&",    [DL_O_LOR] = "||",
		[DL_O_LXOR] = "^^",   [DL_O_EQ] = "==",	     [DL_O_NE] = "!=",
		[DL_O_LT] = "<",      [DL_O_LE] = "<=",	     [DL_O_GT] = ">",
		[DL_O_GE] = ">=",     [DL_O_ASSIGN] = "=",   [DL_O_NEG] = "-",
		[DL_O_PLUS] = "+",    [DL_O_COM] = "~",	     [DL_O_NOT] = "!",
		[DL_O_DEREF] = "*",   [DL_O_ADDROF] = "&",   [DL_O_PREINC] = "++",
		[DL_O_PREDEC] = "--", [DL_O_POSTINC] = "++", [DL_O_POSTDEC] = "--",
	};

	return (unsigned)op < DL_O_COUNT ? names[op] : "?";
}

const char *dl_node_kind_name(enum dl_node_kind kind)
{
	static const char *const names[] = {
		[DL_N_INT] = "INT",	      [DL_N_FLOAT] = "FLOAT",
		[DL_N_STR] = "STR",	      [DL_N_IDENT] = "IDENT",
		[DL_N_AGGREF] = "AGGREF",     [DL_N_TYPE] = "TYPE",
		[DL_N_VAR] = "VAR",	      [DL_N_BVAR] = "BVAR",
		[DL_N_ARG] = "ARG",	      [DL_N_UREG] = "UREG",
		[DL_N_LETVAR] = "LETVAR",     [DL_N_UNARY] = "UNARY",
		[DL_N_BINARY] = "BINARY",     [DL_N_COND] = "COND",
		[DL_N_ASSIGN] = "ASSIGN",     [DL_N_INCDEC] = "INCDEC",
		[DL_N_COMMA] = "COMMA",	      [DL_N_CAST] = "CAST",
		[DL_N_SIZEOF] = "SIZEOF",     [DL_N_STRINGOF] = "STRINGOF",
		[DL_N_OFFSETOF] = "OFFSETOF", [DL_N_XLATE] = "XLATE",
		[DL_N_INDEX] = "INDEX",	      [DL_N_DOT] = "DOT",
		[DL_N_ARROW] = "ARROW",	      [DL_N_CALL] = "CALL",
		[DL_N_DEREF] = "DEREF",	      [DL_N_MEMBER] = "MEMBER",
		[DL_N_ADDROF] = "ADDROF",     [DL_N_BOUNDS] = "BOUNDS",
		[DL_N_LET] = "LET",	      [DL_N_TRANSLATED] = "TRANSLATED",
		[DL_N_EXPR] = "EXPR",	      [DL_N_ACTION] = "ACTION",
		[DL_N_EFFECT] = "EFFECT",     [DL_N_SPECULATE] = "SPECULATE",
		[DL_N_COMMIT] = "COMMIT",     [DL_N_DISCARD] = "DISCARD",
		[DL_N_AGG] = "AGG",	      [DL_N_IF] = "IF",
		[DL_N_CLAUSE] = "CLAUSE",
	};

	return (size_t)kind < ARRAY_SIZE(names) && names[kind] ? names[kind] : "?";
}

unsigned dl_node_count(const struct dl_node *list)
{
	unsigned n = 0;

	for (; list; list = list->next)
		n++;
	return n;
}

static bool has_oper(const struct dl_node *n)
{
	return n->kind == DL_N_UNARY || n->kind == DL_N_BINARY || n->kind == DL_N_ASSIGN ||
	       n->kind == DL_N_INCDEC;
}

static void dump_head(struct strbuf *sb, const struct dl_node *n, unsigned depth)
{
	strbuf_fill(sb, ' ', (size_t)depth * 2);
	strbuf_puts(sb, dl_node_kind_name(n->kind));
	if (has_oper(n))
		strbuf_printf(sb, " %s%s", dl_oper_name(n->op),
			      n->op == DL_O_POSTINC || n->op == DL_O_POSTDEC ? " post" : "");
	if (n->kind == DL_N_INT || n->kind == DL_N_MEMBER || n->kind == DL_N_BOUNDS)
		strbuf_printf(sb, " %" PRId64, (int64_t)n->value);
	if (n->kind == DL_N_FLOAT)
		strbuf_printf(sb, " %g", n->fvalue);
	if (n->kind == DL_N_STR)
		strbuf_printf(sb, " \"%.*s\"", (int)n->str_len, n->str ? n->str : "");
	if (n->name)
		strbuf_printf(sb, " %s", n->name);
	if (n->kind == DL_N_BVAR)
		strbuf_printf(sb, " #%d", (int)n->bvar);
	if (n->type) {
		strbuf_puts(sb, " : ");
		dl_type_print(sb, n->type);
	}
	for (uint32_t i = 0; i < n->n_descs; i++)
		strbuf_printf(sb, "%s%s", i ? ", " : " ", n->desc_texts[i]);
	strbuf_putc(sb, '\n');
}

static void dump_list(struct strbuf *sb, const struct dl_node *n, unsigned depth);

static void dump_one(struct strbuf *sb, const struct dl_node *n, unsigned depth)
{
	if (!n)
		return;
	dump_head(sb, n, depth);
	dump_one(sb, n->left, depth + 1);
	dump_one(sb, n->right, depth + 1);
	dump_one(sb, n->third, depth + 1);
	dump_list(sb, n->args, depth + 1);
	dump_list(sb, n->body, depth + 1);
	if (n->else_body) {
		strbuf_fill(sb, ' ', (size_t)depth * 2);
		strbuf_puts(sb, "ELSE\n");
		dump_list(sb, n->else_body, depth + 1);
	}
}

static void dump_list(struct strbuf *sb, const struct dl_node *n, unsigned depth)
{
	for (; n; n = n->next)
		dump_one(sb, n, depth);
}

void dl_node_dump(struct strbuf *sb, const struct dl_node *n)
{
	dump_list(sb, n, 0);
}
