/*
 * What is read from the instructions of functions without tables: at each
 * instruction of each form that compilers build and take down frames in.  Built
 * on any processor: nothing of it runs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/arch.h"

#define LR 30

/* What holds before an instruction. */
struct line {
	uint32_t code;
	int depth; /* -1: sp isn't known */
	int fp; /* how far down the frame pointer points; -1: it isn't this function's */
	int ra; /* 0: in the register */
	int x19; /* 0: not saved */
};

static int saved(const struct arch_prologue *p, unsigned reg)
{
	for (unsigned i = 0; i < p->n_saved; i++)
		if (p->saved[i].reg == reg)
			return (int)p->saved[i].depth;
	return 0;
}

static void check(const struct line *lines, size_t n)
{
	uint32_t code[64];
	struct arch_prologue p;

	assert_true(n <= 64);
	for (size_t i = 0; i < n; i++)
		code[i] = lines[i].code;
	for (size_t i = 0; i < n; i++) {
		const struct line *l = &lines[i];

		if (!arch_prologue((const void *)code, 4 * n, 4 * i, &p))
			fail_msg("line %zu: nothing known", i);
		if ((l->depth < 0) != p.sp_unknown || (!p.sp_unknown && l->depth != (int)p.depth) ||
		    (l->fp >= 0) != p.sets_fp || (p.sets_fp && l->fp != (int)p.fp_depth) ||
		    l->ra != (int)p.ra_depth || p.ra_reg != (l->ra ? -1 : LR) ||
		    l->x19 != saved(&p, 19))
			fail_msg("line %zu: depth %d%s, fp %d %d, ra %d in %d, x19 %d", i,
				 (int)p.depth, p.sp_unknown ? "?" : "", p.sets_fp, (int)p.fp_depth,
				 (int)p.ra_depth, p.ra_reg, saved(&p, 19));
	}
}

#define CHECK(lines) check(lines, sizeof(lines) / sizeof((lines)[0]))

static void a_frame_record_is_followed_in_and_out(void **state)
{
	static const struct line lines[] = {
		{ 0xd503245f, 0, -1, 0, 0 }, /* bti c */
		{ 0xd503233f, 0, -1, 0, 0 }, /* paciasp */
		{ 0xa9bd7bfd, 0, -1, 0, 0 }, /* stp x29, x30, [sp, #-48]! */
		{ 0x910003fd, 48, -1, 40, 0 }, /* mov x29, sp */
		{ 0xa90153f3, 48, 48, 40, 0 }, /* stp x19, x20, [sp, #16] */
		{ 0xf9000ff3, 48, 48, 40, 32 }, /* str x19, [sp, #24]: its own value */
		{ 0x94000000, 48, 48, 40, 32 }, /* bl */
		{ 0xa94153f3, 48, 48, 40, 32 }, /* ldp x19, x20, [sp, #16] */
		{ 0xa8c37bfd, 48, 48, 40, 0 }, /* ldp x29, x30, [sp], #48 */
		{ 0xd50323bf, 0, -1, 0, 0 }, /* autiasp */
		{ 0xd65f03c0, 0, -1, 0, 0 }, /* ret */
		{ 0x94000000, 48, 48, 40, 32 }, /* bl: of the frame, which none branched to */
	};

	(void)state;
	CHECK(lines);
}

static void room_made_first_is_followed(void **state)
{
	static const struct line lines[] = {
		{ 0xd10143ff, 0, -1, 0, 0 }, /* sub sp, sp, #80 */
		{ 0xa9027bfd, 80, -1, 0, 0 }, /* stp x29, x30, [sp, #32] */
		{ 0x910083fd, 80, -1, 40, 0 }, /* add x29, sp, #32 */
		{ 0xf90023f3, 80, 48, 40, 0 }, /* str x19, [sp, #64] */
		{ 0xd14007ff, 80, 48, 40, 16 }, /* sub sp, sp, #1, lsl #12 */
		{ 0x94000000, 4176, 48, 40, 16 }, /* bl */
		{ 0x914007ff, 4176, 48, 40, 16 }, /* add sp, sp, #1, lsl #12 */
		{ 0xf94023f3, 80, 48, 40, 16 }, /* ldr x19, [sp, #64] */
		{ 0xa9427bfd, 80, 48, 40, 0 }, /* ldp x29, x30, [sp, #32] */
		{ 0x910143ff, 80, -1, 0, 0 }, /* add sp, sp, #80 */
		{ 0x14001000, 0, -1, 0, 0 }, /* b: of another function */
	};

	(void)state;
	CHECK(lines);
}

static void the_return_address_alone_is_followed(void **state)
{
	static const struct line lines[] = {
		{ 0xf81f0ffe, 0, -1, 0, 0 }, /* str x30, [sp, #-16]! */
		{ 0x94000000, 16, -1, 16, 0 }, /* bl */
		{ 0xf84107fe, 16, -1, 16, 0 }, /* ldr x30, [sp], #16 */
		{ 0xd65f0bff, 0, -1, 0, 0 }, /* retaa */
	};
	static const struct line vectors[] = {
		{ 0x6dbd23e9, 0, -1, 0, 0 }, /* stp d9, d8, [sp, #-48]! */
		{ 0xa9014ffe, 48, -1, 0, 0 }, /* stp x30, x19, [sp, #16] */
		{ 0x94000000, 48, -1, 32, 24 }, /* bl */
		{ 0xa9414ffe, 48, -1, 32, 24 }, /* ldp x30, x19, [sp, #16] */
		{ 0x6cc323e9, 48, -1, 0, 0 }, /* ldp d9, d8, [sp], #48 */
		{ 0xd61f0200, 0, -1, 0, 0 }, /* br x16 */
	};

	(void)state;
	CHECK(lines);
	CHECK(vectors);
}

static void large_room_is_followed(void **state)
{
	static const struct line lines[] = {
		{ 0xa9be7bfd, 0, -1, 0, 0 }, /* stp x29, x30, [sp, #-32]! */
		{ 0xd284000c, 32, -1, 24, 0 }, /* mov x12, #8192 */
		{ 0xf2a0002c, 32, -1, 24, 0 }, /* movk x12, #1, lsl #16 */
		{ 0xcb2c63ff, 32, -1, 24, 0 }, /* sub sp, sp, x12 */
		{ 0x910003fd, 73760, -1, 24, 0 }, /* mov x29, sp */
		{ 0x910007e0, 73760, 73760, 24, 0 }, /* add x0, sp, #1 */
		{ 0x8b2c63ff, 73760, 73760, 24, 0 }, /* add sp, sp, x12 */
		{ 0xd65f03c0, 32, 73760, 24, 0 }, /* ret */
	};
	/* As -fstack-clash-protection touches each page. */
	static const struct line touched[] = {
		{ 0xd14013e9, 0, -1, 0, 0 }, /* sub x9, sp, #4, lsl #12 */
		{ 0xd14007ff, 0, -1, 0, 0 }, /* sub sp, sp, #1, lsl #12 */
		{ 0xf90203ff, 4096, -1, 0, 0 }, /* str xzr, [sp, #1024] */
		{ 0xeb2963ff, 4096, -1, 0, 0 }, /* cmp sp, x9 */
		{ 0x54ffffa1, 16384, -1, 0, 0 }, /* b.ne */
		{ 0xf90003fe, 16384, -1, 0, 0 }, /* str x30, [sp] */
		{ 0x94000000, 16384, -1, 16384, 0 }, /* bl */
	};
	static const struct line mask[] = {
		{ 0xb27c27f0, 0, -1, 0, 0 }, /* mov x16, #0x3ff0 */
		{ 0xcb3063ff, 0, -1, 0, 0 }, /* sub sp, sp, x16 */
		{ 0xd503201f, 0x3ff0, -1, 0, 0 },
	};

	(void)state;
	CHECK(lines);
	CHECK(touched);
	CHECK(mask);
}

static void the_frame_pointer_tells_where_sp_does_not(void **state)
{
	static const struct line lines[] = {
		{ 0xa9be7bfd, 0, -1, 0, 0 }, /* stp x29, x30, [sp, #-32]! */
		{ 0x910003fd, 32, -1, 24, 0 }, /* mov x29, sp */
		{ 0xf9000bf3, 32, 32, 24, 0 }, /* str x19, [sp, #16] */
		{ 0xcb2163ff, 32, 32, 24, 16 }, /* sub sp, sp, x1 */
		{ 0x94000000, -1, 32, 24, 16 }, /* bl */
		{ 0xf9400bb3, -1, 32, 24, 16 }, /* ldr x19, [x29, #16] */
		{ 0x910003bf, -1, 32, 24, 0 }, /* mov sp, x29 */
		{ 0xa8c27bfd, 32, 32, 24, 0 }, /* ldp x29, x30, [sp], #32 */
		{ 0xd65f03c0, 0, -1, 0, 0 }, /* ret */
	};
	static const struct line aligned[] = {
		{ 0xa9be7bfd, 0, -1, 0, 0 }, /* stp x29, x30, [sp, #-32]! */
		{ 0x910003fd, 32, -1, 24, 0 }, /* mov x29, sp */
		{ 0xd10103e9, 32, 32, 24, 0 }, /* sub x9, sp, #64 */
		{ 0x927be53f, 32, 32, 24, 0 }, /* and sp, x9, #-32 */
		{ 0xf90003f3, -1, 32, 24, 0 }, /* str x19, [sp]: nobody knows where */
		{ 0xd10043bf, -1, 32, 24, 0 }, /* sub sp, x29, #16 */
		{ 0xd503201f, 48, 32, 24, 0 },
	};

	(void)state;
	CHECK(lines);
	CHECK(aligned);
}

static void branches_take_the_frame_along(void **state)
{
	/* A frame that is made only where it is needed. */
	static const struct line lines[] = {
		{ 0xb40000e0, 0, -1, 0, 0 }, /* cbz x0, +28 */
		{ 0xa9bf7bfd, 0, -1, 0, 0 }, /* stp x29, x30, [sp, #-16]! */
		{ 0x54000080, 16, -1, 8, 0 }, /* b.eq +16 */
		{ 0x94000000, 16, -1, 8, 0 }, /* bl */
		{ 0xa8c17bfd, 16, -1, 8, 0 }, /* ldp x29, x30, [sp], #16 */
		{ 0xd65f03c0, 0, -1, 0, 0 }, /* ret */
		{ 0x94000000, 16, -1, 8, 0 }, /* bl that doesn't return */
		{ 0xd2800000, 0, -1, 0, 0 }, /* mov x0, #0 */
		{ 0xd65f03c0, 0, -1, 0, 0 }, /* ret */
	};

	(void)state;
	CHECK(lines);
}

static void what_is_unknown_is_said(void **state)
{
	/* A call while lr has the return address; a stack that nothing tells the size of. */
	static const uint32_t lost[] = { 0x94000000, 0xd503201f };
	static const uint32_t sized[] = { 0xcb2163ff, 0xd503201f };
	static const uint32_t above[] = { 0x910083ff, 0xd503201f };
	/* More than is looked at: the frame is whole. */
	static const uint32_t cut[] = { 0xa9bf7bfd, 0xa8c17bfd, 0xd65f03c0 };
	struct arch_prologue p;

	(void)state;
	assert_false(arch_prologue((const void *)lost, 8, 4, &p));
	assert_false(arch_prologue((const void *)sized, 8, 4, &p));
	assert_false(arch_prologue((const void *)above, 8, 4, &p));
	assert_true(arch_prologue((const void *)cut, 12, 5000, &p));
	assert_int_equal(p.depth, 16);
	assert_int_equal(p.ra_depth, 8);
}

static void any_bytes_are_taken(void **state)
{
	uint64_t x = 88172645463325252u;
	struct arch_prologue p;
	uint32_t code[128];

	(void)state;
	for (int i = 0; i < 20000; i++) {
		for (unsigned k = 0; k < 128; k++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			/* Half of them at sp. */
			code[k] = x >> 63 ? (uint32_t)x : ((uint32_t)x & ~0x3e0u) | 0x3e0;
		}
		(void)arch_prologue((const void *)code, sizeof(code), sizeof(code), &p);
		assert_true(p.n_saved <= ARCH_SAVED_MAX);
		(void)arch_epilogue((const void *)code, ARCH_EPILOGUE_CODE, &p);
		assert_true(p.n_saved <= ARCH_SAVED_MAX);
	}
}

static void what_is_left_of_a_frame_is_told(void **state)
{
	static const uint32_t code[] = {
		0xf94013f3, /* ldr x19, [sp, #32] */
		0xa8c37bfd, /* ldp x29, x30, [sp], #48 */
		0xd50323bf, /* autiasp */
		0xd65f03c0, /* ret */
	};
	static const uint32_t jump[] = {
		0xa9417bfd, /* ldp x29, x30, [sp, #16] */
		0x910083ff, /* add sp, sp, #32 */
		0x14001000, /* b */
	};
	struct arch_prologue p;

	(void)state;
	assert_true(arch_epilogue((const void *)code, sizeof(code), &p));
	assert_int_equal(p.depth, 48);
	assert_int_equal(p.ra_depth, 40);
	assert_int_equal(p.ra_reg, -1);
	assert_int_equal(saved(&p, 19), 16);
	assert_int_equal(saved(&p, 29), 48);
	assert_true(arch_epilogue((const void *)(code + 3), 4, &p));
	assert_int_equal(p.depth, 0);
	assert_int_equal(p.ra_reg, LR);
	assert_true(arch_epilogue((const void *)jump, sizeof(jump), &p));
	assert_int_equal(p.depth, 32);
	assert_int_equal(p.ra_depth, 8);
	/* A jump alone may be to anywhere; half an instruction is none. */
	assert_false(arch_epilogue((const void *)(jump + 2), 4, &p));
	assert_false(arch_epilogue((const void *)(code + 3), 3, &p));
	assert_false(arch_epilogue((const void *)code, 12, &p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_record_is_followed_in_and_out),
		cmocka_unit_test(room_made_first_is_followed),
		cmocka_unit_test(the_return_address_alone_is_followed),
		cmocka_unit_test(large_room_is_followed),
		cmocka_unit_test(the_frame_pointer_tells_where_sp_does_not),
		cmocka_unit_test(branches_take_the_frame_along),
		cmocka_unit_test(what_is_unknown_is_said),
		cmocka_unit_test(any_bytes_are_taken),
		cmocka_unit_test(what_is_left_of_a_frame_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
