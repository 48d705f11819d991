/*
 * Subroutines: results and edge cases of every one in subr.def, called
 * through the VM with literals, NULL and target memory.
 */
#include "far_rig.h"

#include <sys/socket.h>

static int setup(void **state)
{
	*state = rig_create();
	return 0;
}

static int teardown(void **state)
{
	rig_destroy(*state);
	return 0;
}

/* An argument: a literal's text, or a number if text is NULL. */
struct arg {
	const char *text;
	int64_t number;
};
#define S(t)                \
	{                   \
		.text = (t) \
	}
#define N(n)                  \
	{                     \
		.number = (n) \
	}

/* CALL subr with the arguments; the result in register 0. */
static size_t assemble(struct rig *r, enum dl_subr subr, const struct arg *arg, uint8_t n,
		       struct dl_insn *code)
{
	size_t at = 0;

	r->rec.n_slots = n;
	r->rec.len = (uint32_t)(sizeof(r->rec) + 8 * n);
	for (uint8_t i = 0; i < n; i++) {
		if (arg[i].text) {
			code[at++] = (struct dl_insn){ DL_OP_STR, (uint8_t)(i + 1), 0, 0,
						       rig_add_string(r, arg[i].text) };
			continue;
		}
		r->rec.slots[i] = (uint64_t)arg[i].number;
		code[at++] = (struct dl_insn){ DL_OP_IN, (uint8_t)(i + 1), 0, 0, i };
	}
	code[at++] = (struct dl_insn){ DL_OP_CALL, 0, 1, n, (int32_t)subr };
	return at;
}

/* INT64_MIN stands for an argument that is not given. */
static uint8_t count_args(const struct arg *arg, uint8_t max)
{
	while (max && !arg[max - 1].text && arg[max - 1].number == INT64_MIN)
		max--;
	return max;
}

static uint64_t call_int(struct rig *r, enum dl_subr subr, const struct arg *arg, uint8_t n)
{
	static const struct dl_insn tail[] = { TRACE_INT(0), { DL_OP_END, 0, 0, 0, 0 } };
	struct dl_insn code[16];
	size_t at = assemble(r, subr, arg, n, code);

	memcpy(code + at, tail, sizeof(tail));
	rig_run(r, code, at + ARRAY_SIZE(tail));
	return r->fired & DL_FIRED_FAULT ? 0xfa017 : rig_take_int(r);
}
#define INT(r, subr, ...)                                                \
	call_int(r, DL_SUBR_##subr, (const struct arg[]){ __VA_ARGS__ }, \
		 sizeof((const struct arg[]){ __VA_ARGS__ }) / sizeof(struct arg))

static const char *call_text(struct rig *r, enum dl_subr subr, const struct arg *arg, uint8_t n)
{
	static const struct dl_insn tail[] = {
		/* NULL is told from "" by an extra item in front. */
		{ DL_OP_BOOL, 9, 0, 0, 0 },
		TRACE_TEXT(0),
		TRACE_INT(9),
		{ DL_OP_END, 0, 0, 0, 0 },
	};
	struct dl_insn code[16];
	size_t at = assemble(r, subr, arg, n, code);

	memcpy(code + at, tail, sizeof(tail));
	rig_run(r, code, at + ARRAY_SIZE(tail));
	if (r->fired & DL_FIRED_FAULT)
		return "(fault)";
	const struct dl_entry *e = dl_trace_peek(dl_state_trace(r->state));
	bool is_null = rig_word(rig_item(e, 1), 0) == 0;
	const char *text = rig_take_text(r);

	return is_null ? "(null)" : text;
}
#define TEXT(r, subr, ...)                                                \
	call_text(r, DL_SUBR_##subr, (const struct arg[]){ __VA_ARGS__ }, \
		  sizeof((const struct arg[]){ __VA_ARGS__ }) / sizeof(struct arg))

static void assert_fault(struct rig *r, enum dl_fault fault)
{
	assert_int_equal(rig_take_fault(r).fault, fault);
}

static void paths_are_taken_apart(void **state)
{
	static const struct {
		const char *path, *base, *dir, *clean;
	} t[] = {
		{ "", ".", ".", "" },
		{ "/", "/", "/", "/" },
		{ "///", "/", "/", "/" },
		{ "a", "a", ".", "a" },
		{ "/a", "a", "/", "/a" },
		{ "/a/b/", "b", "/a", "/a/b/" },
		{ "a//b", "b", "a", "a/b" },
		{ "/usr/./lib/../bin//x", "x", "/usr/./lib/../bin", "/usr/bin/x" },
		{ "/foo/bar/..", "..", "/foo/bar", "/foo/" },
		{ "/..", "..", "/", "/" },
		{ "/../x", "x", "/..", "/x" },
		{ "./a", "a", ".", "./a" },
		{ "/a/...", "...", "/a", "/a/..." },
		{ "/a/.b/..c", "..c", "/a/.b", "/a/.b/..c" },
		{ "/a/.", ".", "/a", "/a/." },
	};
	struct rig *r = *state;

	rig_start(r);
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		assert_string_equal(TEXT(r, BASENAME, S(t[i].path)), t[i].base);
		assert_string_equal(TEXT(r, DIRNAME, S(t[i].path)), t[i].dir);
		assert_string_equal(TEXT(r, CLEANPATH, S(t[i].path)), t[i].clean);
	}
	TEXT(r, BASENAME, N(0));
	assert_fault(r, DL_FLT_BADADDR);
}

static void index_and_rindex_follow_perl(void **state)
{
	static const struct {
		const char *s, *sub;
		int64_t pos, index, rindex;
	} t[] = {
		{ "abcabc", "bc", INT64_MIN, 1, 4 },
		{ "abcabc", "bc", 2, 4, 1 },
		{ "abcabc", "bc", -5, 1, -1 },
		{ "abcabc", "bc", 100, -1, 4 },
		{ "abcabc", "x", INT64_MIN, -1, -1 },
		{ "abc", "", INT64_MIN, 0, 3 },
		{ "abc", "", 2, 2, 2 },
		{ "abc", "", 9, 3, 3 },
		{ "abc", "", -1, 0, 0 },
		{ "", "", INT64_MIN, 0, 0 },
		{ "", "", 5, 0, 0 },
		{ "", "", -5, 0, 0 },
		{ "", "a", INT64_MIN, -1, -1 },
		{ "ab", "abc", INT64_MIN, -1, -1 },
		{ "abc", "a", 0, 0, 0 },
	};
	struct rig *r = *state;

	rig_start(r);
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct arg a[] = { S(t[i].s), S(t[i].sub), N(t[i].pos) };
		uint8_t n = count_args(a, 3);

		assert_int_equal(call_int(r, DL_SUBR_INDEX, a, n), (uint64_t)t[i].index);
		assert_int_equal(call_int(r, DL_SUBR_RINDEX, a, n), (uint64_t)t[i].rindex);
	}
}

static void substr_follows_perl(void **state)
{
	static const struct {
		const char *s;
		int64_t i, n;
		const char *want;
	} t[] = {
		{ "abcdef", 2, INT64_MIN, "cdef" },
		{ "abcdef", 2, 2, "cd" },
		{ "abcdef", -2, INT64_MIN, "ef" },
		{ "abcdef", -4, 2, "cd" },
		{ "abcdef", -9, 5, "ab" },
		{ "abcdef", -9, 3, "" },
		{ "abcdef", -9, 2, "" },
		{ "abcdef", 1, -2, "bcd" },
		{ "abcdef", 1, -9, "" },
		{ "abcdef", 6, 1, "" },
		{ "abcdef", 9, 1, "" },
		{ "abcdef", 0, 0, "" },
		{ "abcdef", 0, 100, "abcdef" },
		{ "", 0, 5, "" },
		{ "abcdef", 3, INT32_MAX, "def" },
		{ "abcdef", INT32_MIN, INT32_MIN, "" },
	};
	struct rig *r = *state;

	rig_start(r);
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct arg a[] = { S(t[i].s), N(t[i].i), N(t[i].n) };

		assert_string_equal(call_text(r, DL_SUBR_SUBSTR, a, count_args(a, 3)), t[i].want);
	}
}

static void searching_returns_the_rest_or_null(void **state)
{
	struct rig *r = *state;

	rig_start(r);
	assert_string_equal(TEXT(r, STRCHR, S("a/b/c"), N('/')), "/b/c");
	assert_string_equal(TEXT(r, STRRCHR, S("a/b/c"), N('/')), "/c");
	assert_string_equal(TEXT(r, STRCHR, S("abc"), N('x')), "(null)");
	assert_string_equal(TEXT(r, STRRCHR, S(""), N('x')), "(null)");
	assert_string_equal(TEXT(r, STRCHR, S("abc"), N(0)), "");
	assert_string_equal(TEXT(r, STRSTR, S("hello world"), S("o w")), "o world");
	assert_string_equal(TEXT(r, STRSTR, S("hello"), S("")), "hello");
	assert_string_equal(TEXT(r, STRSTR, S(""), S("")), "");
	assert_string_equal(TEXT(r, STRSTR, S("hello"), S("xx")), "(null)");
	memcpy(r->memory + 10, "key=value", 10);
	assert_string_equal(TEXT(r, STRCHR, N(TARGET_BASE + 10), N('=')), "=value");
	assert_string_equal(TEXT(r, STRSTR, N(TARGET_BASE + 10), S("val")), "value");
	assert_int_equal(INT(r, STRLEN, N(TARGET_BASE + 10)), 9);
	assert_int_equal(INT(r, STRLEN, S("")), 0);
	TEXT(r, STRSTR, N(0), S("a"));
	assert_fault(r, DL_FLT_BADADDR);
	INT(r, STRLEN, N(0));
	assert_fault(r, DL_FLT_BADADDR);
}

static void strings_are_joined_and_cut_at_strsize(void **state)
{
	struct rig *r = *state;

	rig_option(r, "strsize", "8");
	rig_start(r);
	assert_string_equal(TEXT(r, STRJOIN, S("abc"), S("def")), "abcdef");
	assert_string_equal(TEXT(r, STRJOIN, S("abcde"), S("fghij")), "abcdefg");
	assert_string_equal(TEXT(r, STRJOIN, S("abcdefghij"), S("k")), "abcdefg");
	assert_string_equal(TEXT(r, STRJOIN, S(""), S("")), "");
	assert_string_equal(TEXT(r, TOUPPER, S("aZ9{`")), "AZ9{`");
	assert_string_equal(TEXT(r, TOLOWER, S("aZ9[@")), "az9[@");
	assert_int_equal(INT(r, STRLEN, S("longer than strsize")), 8);
	assert_string_equal(TEXT(r, LLTOSTR, N(INT64_MIN + 1)), "-922337");
}

static void strtok_keeps_its_place_within_a_firing(void **state)
{
	struct rig *r = *state;
	int32_t text = rig_add_string(r, ",,a,b;;c,"), delims = rig_add_string(r, ",;");

	rig_start(r);
	struct dl_insn next[] = {
		INSN(STR, 2, 0, 0, delims),
		INSN(LDI, 1, 0, 0, 0),
		INSN(CALL, 0, 1, 2, DL_SUBR_STRTOK),
		INSN(BOOL, 3, 0, 0, 0),
		TRACE_TEXT(0),
		INSN(END, 0, 0, 0, 0),
	};
	uint32_t first = rig_enable(r, CODE(INSN(STR, 1, 0, 0, text), INSN(STR, 2, 0, 0, delims),
					    INSN(CALL, 0, 1, 2, DL_SUBR_STRTOK), TRACE_TEXT(0)));
	uint32_t rest = rig_enable(r, next, ARRAY_SIZE(next));

	rig_fire(r, first);
	assert_string_equal(rig_take_text(r), "a");
	rig_fire_next(r, rest);
	assert_string_equal(rig_take_text(r), "b");
	rig_fire_next(r, rest);
	assert_string_equal(rig_take_text(r), "c");
	rig_fire_next(r, rest);
	assert_string_equal(rig_take_text(r), "");
	/* Another firing has nothing to go on with. */
	rig_fire(r, first);
	rig_take_text(r);
	rig_fire(r, rest);
	assert_string_equal(rig_take_text(r), "");
	assert_string_equal(TEXT(r, STRTOK, S(";;"), S(";")), "(null)");
	assert_string_equal(TEXT(r, STRTOK, S("whole"), S("")), "whole");
}

static void numbers_become_text_and_back(void **state)
{
	struct rig *r = *state;

	rig_start(r);
	assert_string_equal(TEXT(r, LLTOSTR, N(-42)), "-42");
	assert_string_equal(TEXT(r, LLTOSTR, N(0)), "0");
	assert_string_equal(TEXT(r, LLTOSTR, N(255), N(16)), "0xff");
	assert_string_equal(TEXT(r, LLTOSTR, N(0), N(16)), "0x0");
	assert_string_equal(TEXT(r, LLTOSTR, N(8), N(8)), "010");
	assert_string_equal(TEXT(r, LLTOSTR, N(0), N(8)), "0");
	assert_string_equal(TEXT(r, LLTOSTR, N(35), N(36)), "z");
	assert_string_equal(TEXT(r, LLTOSTR, N(-1), N(2)),
			    "1111111111111111111111111111111111111111111111111111111111111111");
	TEXT(r, LLTOSTR, N(1), N(1));
	assert_fault(r, DL_FLT_ILLOP);
	TEXT(r, LLTOSTR, N(1), N(37));
	assert_fault(r, DL_FLT_ILLOP);
	assert_int_equal(INT(r, STRTOLL, S(" \t-12x")), -(uint64_t)12);
	assert_int_equal(INT(r, STRTOLL, S("+7")), 7);
	assert_int_equal(INT(r, STRTOLL, S("0x1F"), N(16)), 31);
	assert_int_equal(INT(r, STRTOLL, S("0x1F"), N(10)), 0);
	assert_int_equal(INT(r, STRTOLL, S("Zz"), N(36)), 35 * 36 + 35);
	assert_int_equal(INT(r, STRTOLL, S("129"), N(8)), 10);
	assert_int_equal(INT(r, STRTOLL, S("")), 0);
	assert_int_equal(INT(r, STRTOLL, S("99999999999999999999")), 7766279631452241919u);
	INT(r, STRTOLL, S("1"), N(0));
	assert_fault(r, DL_FLT_ILLOP);
}

static void byte_order_and_devices(void **state)
{
	struct rig *r = *state;

	rig_start(r);
	assert_int_equal(INT(r, HTONS, N(0x1234)), 0x3412);
	assert_int_equal(INT(r, NTOHL, N(0x12345678)), 0x78563412);
	assert_int_equal(INT(r, HTONLL, N(0x0102030405060708)), 0x0807060504030201);
	assert_int_equal(INT(r, GETMAJOR, N(0x0801)), 8);
	assert_int_equal(INT(r, GETMINOR, N(0x0801)), 1);
	assert_int_equal(INT(r, GETMINOR, N(0x12300845)), 0x12345);
	assert_int_equal(INT(r, GETMAJOR, N(0x12300845)), 8);
}

static void addresses_are_formatted(void **state)
{
	static const struct {
		uint8_t b[16];
		const char *ntoa6, *ntop;
	} t[] = {
		{ { 0 }, "::", "::" },
		{ { [15] = 1 }, "::1", "::1" },
		{ { 0xfe, 0x80, [15] = 0x0a }, "fe80::a", "fe80::a" },
		{ { 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1 },
		  "2001:db8::1:0:0:1",
		  "2001:db8::1:0:0:1" },
		{ { 0x20, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1 },
		  "2001:0:1::1:1",
		  "2001:0:1::1:1" },
		{ { 0, 1, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1 },
		  "1:0:1:1:1:1:1:1",
		  "1:0:1:1:1:1:1:1" },
		{ { 0, 1 }, "1::", "1::" },
		{ { [10] = 0xff, 0xff, 127, 0, 0, 1 }, "127.0.0.1", "::ffff:127.0.0.1" },
		{ { [12] = 10, 0, 0, 2 }, "10.0.0.2", "::10.0.0.2" },
	};
	struct rig *r = *state;
	const char *mac = "\x00\x1b\x63\x84\x45\xe6";

	rig_start(r);
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		memcpy(r->memory, t[i].b, 16);
		assert_string_equal(TEXT(r, INET_NTOA6, N(TARGET_BASE)), t[i].ntoa6);
		assert_string_equal(TEXT(r, INET_NTOP, N(AF_INET6), N(TARGET_BASE)), t[i].ntop);
	}
	memcpy(r->memory, "\xc0\xa8\x00\x01", 4);
	assert_string_equal(TEXT(r, INET_NTOA, N(TARGET_BASE)), "192.168.0.1");
	assert_string_equal(TEXT(r, INET_NTOP, N(AF_INET), N(TARGET_BASE)), "192.168.0.1");
	TEXT(r, INET_NTOP, N(99), N(TARGET_BASE));
	assert_fault(r, DL_FLT_ILLOP);
	TEXT(r, INET_NTOA, N(8));
	assert_fault(r, DL_FLT_BADADDR);
	memcpy(r->memory, mac, 6);
	assert_string_equal(TEXT(r, LINK_NTOP, N(1), N(TARGET_BASE)), "00:1b:63:84:45:e6");
	assert_int_equal(strlen(TEXT(r, LINK_NTOP, N(32), N(TARGET_BASE))), 59);
	assert_string_equal(TEXT(r, LINK_NTOP, N(7), N(TARGET_BASE)), "");
}

static void json_finds_values(void **state)
{
	static const char doc[] = "{ \"a\": {\"b\": [1, -2.5e3, {\"c\":\"x\\\"y\"}], \"n\":null},"
				  " \"t\" : true, \"o\":{}, \"e\":\"\" , \"l\":[[1,2],[3]] }";
	static const struct {
		const char *path, *want;
	} t[] = {
		{ "a.b[0]", "1" },
		{ "a.b[1]", "-2.5e3" },
		{ "a.b[2].c", "x\\\"y" },
		{ "a.b", "[1, -2.5e3, {\"c\":\"x\\\"y\"}]" },
		{ "a.n", "null" },
		{ "t", "true" },
		{ "o", "{}" },
		{ "e", "" },
		{ "l[1][0]", "3" },
		{ "l[2]", "(null)" },
		{ "a.x", "(null)" },
		{ "", "(null)" },
		{ ".", "(null)" },
		{ "a.", "(null)" },
		{ "a.b[", "(null)" },
		{ "a.b[x]", "(null)" },
		{ "a.b[0]c", "(null)" },
		{ "t.x", "(null)" },
		{ "a[0]", "(null)" },
		{ "a.b[99999999999999999999]", "(null)" },
	};
	static const struct {
		const char *doc, *path, *want;
	} u[] = {
		{ "[1,2,3]", "[2]", "3" },
		{ "[]", "[0]", "(null)" },
		{ "", "a", "(null)" },
		{ "{\"a\" 1}", "a", "(null)" },
		{ "{\"a\":1", "a", "1" },
		{ "{\"a\":tru}", "a", "(null)" },
		{ "{\"a\":\"\\u00e9\"}", "a", "\\u00e9" },
		{ "{\"a\":\"\\u00g9\"}", "a", "(null)" },
		{ "{\"a\":\"\\q\"}", "a", "(null)" },
		{ "{\"a\":\"open}", "a", "(null)" },
		{ "5", "a", "(null)" },
		{ "{x:1,\"a\":2}", "a", "(null)" },
	};
	struct rig *r = *state;
	char deep[256];

	rig_start(r);
	for (size_t i = 0; i < ARRAY_SIZE(t); i++)
		assert_string_equal(TEXT(r, JSON, S(doc), S(t[i].path)), t[i].want);
	for (size_t i = 0; i < ARRAY_SIZE(u); i++)
		assert_string_equal(TEXT(r, JSON, S(u[i].doc), S(u[i].path)), u[i].want);
	memset(deep, '[', 255);
	deep[255] = 0;
	assert_string_equal(TEXT(r, JSON, S(deep), S("[0]")), "(null)");
}

static void memory_moves_between_target_and_scratch(void **state)
{
	struct rig *r = *state;

	rig_start(r);
	memcpy(r->memory + 50, "a\0b\0c", 6);
	assert_string_equal(TEXT(r, COPYINSTR, N(TARGET_BASE + 50)), "a");
	assert_string_equal(TEXT(r, MEMSTR, N(TARGET_BASE + 50), N('_'), N(5)), "a_b_c");
	memcpy(r->memory + 60, "abcdef", 7);
	assert_string_equal(TEXT(r, COPYINSTR, N(TARGET_BASE + 60), N(3)), "abc");
	assert_string_equal(TEXT(r, COPYINSTR, N(TARGET_BASE + 60), N(0)), "");
	/* One more byte that is zero. */
	assert_string_equal(TEXT(r, COPYIN, N(TARGET_BASE + 60), N(4)), "abcd");
	TEXT(r, COPYIN, N(TARGET_BASE + 60), N(1 << 20));
	assert_fault(r, DL_FLT_NOSCRATCH);
	TEXT(r, COPYIN, N(TARGET_BASE + TARGET_SIZE - 1), N(2));
	assert_fault(r, DL_FLT_BADADDR);
	TEXT(r, ALLOCA, N(-1));
	assert_fault(r, DL_FLT_NOSCRATCH);
	assert_int_equal(INT(r, COPYOUT, S("xyz"), N(TARGET_BASE + 200), N(3)), 0);
	assert_memory_equal(r->memory + 200, "xyz\0", 4);
	INT(r, COPYOUTSTR, S("hello"), N(TARGET_BASE + 300), N(256));
	assert_memory_equal(r->memory + 300, "hello\0", 6);
	memset(r->memory + 300, '-', 8);
	INT(r, COPYOUTSTR, S("hello"), N(TARGET_BASE + 300), N(2));
	assert_memory_equal(r->memory + 300, "he--", 4);
	INT(r, COPYOUT, S("xyz"), N(8), N(3));
	assert_fault(r, DL_FLT_BADADDR);
	INT(r, COPYINTO, N(TARGET_BASE), N(4), N(TARGET_BASE));
	assert_fault(r, DL_FLT_BADADDR);
	INT(r, BCOPY, N(TARGET_BASE), N(TARGET_BASE + 8), N(4));
	assert_fault(r, DL_FLT_BADADDR);
	assert_string_equal(EVAL_TEXT(r, INSN(LDI, 1, 0, 0, 8), INSN(CALL, 4, 1, 1, DL_SUBR_ALLOCA),
				      INSN(LDK, 3, 0, 0, K_TARGET), INSN(ADDI, 3, 3, 0, 60),
				      INSN(LDI, 5, 0, 0, 3), INSN(CALL, 6, 3, 3, DL_SUBR_BCOPY),
				      INSN(MOV, 0, 4, 0, 0)),
			    "abc");
}

static void the_rest_answers(void **state)
{
	struct rig *r = *state;

	rig_option(r, "nspec", "2");
	rig_start(r);
	uint64_t a = INT(r, RAND, N(0)), b;

	assert_int_equal(a, 0xfa017); /* rand() takes no argument */
	assert_fault(r, DL_FLT_ILLOP);
	a = EVAL_INT(r, INSN(CALL, 0, 1, 0, DL_SUBR_RAND));
	b = EVAL_INT(r, INSN(CALL, 0, 1, 0, DL_SUBR_RAND));
	assert_true(a <= INT32_MAX && b <= INT32_MAX);
	assert_int_not_equal(a, b);
	assert_int_equal(EVAL_INT(r, INSN(CALL, 0, 1, 0, DL_SUBR_SPECULATION)), 1);
	assert_int_equal(EVAL_INT(r, INSN(CALL, 0, 1, 0, DL_SUBR_SPECULATION)), 2);
	assert_int_equal(EVAL_INT(r, INSN(CALL, 0, 1, 0, DL_SUBR_SPECULATION)), 0);
	assert_int_equal(dl_take_drops(r->state, DL_DROP_SPECUNAVAIL), 1);
	assert_int_equal(INT(r, PROGENYOF, N(1)), 0);
	assert_int_equal(INT(r, PROC_INT, N(1), N(DL_PF_PID)), 0);
	assert_string_equal(TEXT(r, PROC_STR, N(1), N(DL_PF_FNAME)), "(null)");
	INT(r, PROC_INT, N(1), N(500));
	assert_fault(r, DL_FLT_ILLOP);
	INT(r, FD_INT, N(1), N(-1));
	assert_fault(r, DL_FLT_ILLOP);
	assert_int_equal(EVAL_INT(r, INSN(LDI, 1, 0, 0, 9), INSN(LDI, 2, 0, 0, 4),
				  INSN(CALL, 3, 1, 2, DL_SUBR_MEMREF), INSN(LD, 0, 3, 8, 8)),
			 4);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(paths_are_taken_apart),
		T(index_and_rindex_follow_perl),
		T(substr_follows_perl),
		T(searching_returns_the_rest_or_null),
		T(strings_are_joined_and_cut_at_strsize),
		T(strtok_keeps_its_place_within_a_firing),
		T(numbers_become_text_and_back),
		T(byte_order_and_devices),
		T(addresses_are_formatted),
		T(json_finds_values),
		T(memory_moves_between_target_and_scratch),
		T(the_rest_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
