/*
 * The code that trampolines share, one copy per region of the annex.
 *
 * It stands in our own read-only data, position-independent, and is copied.
 * Rules, as for all trampoline code:
 *  - only general registers: rax, rcx, rdx, rsi, rdi, which trampolines that
 *    call this have saved; no string instructions, since the direction flag is
 *    the program's; nothing on the stack but the return address;
 *  - r11 is the record, not committed yet; its epid word holds the low half of
 *    its place in the ring, its n_slots word the end of its tail so far;
 *  - the bytes behind the tail's end are zero before and after each capture;
 *    the reservation is at least 8 bytes larger than the record can become;
 *  - a load that may fault is named in fixups[].
 *
 * What a capture does is what capture_string() and capture_mem() of dlang/near.c
 * do, byte for byte.
 */
#include "near.h"

__asm__(".pushsection .rodata\n"
	".balign 16\n"
	"x64_common:\n"
	/*
	 * String.  rax = address, rcx = most bytes with its NUL, rdx = the record's cap.
	 * Carry clear: rax is the slot's value.  Carry set: rax is the address that
	 * can't be read, and nothing was captured.
	 */
	"x64_common_string:\n"
	"	mov	12(%r11), %edi\n"
	"	sub	%edi, %edx\n"
	"	jz	.Lno_room\n"
	"	cmp	%rdx, %rcx\n"
	"	cmova	%rdx, %rcx\n"
	"	cmp	$1, %rcx\n" /* one less for the NUL, but not below 0 */
	"	adc	$-1, %rcx\n"
	"	lea	(%r11,%rdi), %rdx\n"
	".Lnext_word:\n"
	"	cmp	$8, %rcx\n"
	"	jb	.Lnext_byte\n"
	"	mov	%eax, %esi\n" /* a word must not cross into the next page */
	"	and	$4095, %esi\n"
	"	cmp	$4088, %esi\n"
	"	ja	.Lnext_byte\n"
	"x64_load_0:\n"
	"	mov	(%rax), %rsi\n"
	"	mov	.Lminus_ones(%rip), %rdi\n"
	"	add	%rsi, %rdi\n"
	"	not	%rsi\n"
	"	and	%rsi, %rdi\n"
	"	not	%rsi\n"
	"	and	.Lhighs(%rip), %rdi\n"
	"	jnz	.Lfound\n"
	"	mov	%rsi, (%rdx)\n"
	"	add	$8, %rax\n"
	"	add	$8, %rdx\n"
	"	sub	$8, %rcx\n"
	"	jmp	.Lnext_word\n"
	".Lnext_byte:\n"
	"	test	%rcx, %rcx\n"
	"	jz	.Lstring_done\n"
	"x64_load_1:\n"
	"	movzbl	(%rax), %esi\n"
	"	test	%esi, %esi\n"
	"	jz	.Lstring_done\n"
	"	mov	%sil, (%rdx)\n"
	"	inc	%rax\n"
	"	inc	%rdx\n"
	"	dec	%rcx\n"
	"	jmp	.Lnext_word\n"
	".Lfound:\n" /* the lowest set bit is that of the NUL */
	"	bsf	%rdi, %rdi\n"
	"	shr	$3, %edi\n"
	"	mov	%rsi, (%rdx)\n"
	"	add	%rdi, %rdx\n"
	".Lstring_done:\n"
	"	movq	$0, (%rdx)\n"
	"	mov	12(%r11), %edi\n"
	"	sub	%r11, %rdx\n"
	"	sub	%rdi, %rdx\n" /* length */
	"	lea	8(%rdx), %eax\n"
	".Lappend:\n"
	"	and	$-8, %eax\n"
	"	add	%edi, %eax\n"
	"	mov	%eax, 12(%r11)\n"
	"	mov	%rdx, %rax\n"
	"	shl	$32, %rax\n"
	"	or	%rdi, %rax\n" /* clears carry */
	"	ret\n"
	".Lno_room:\n"
	"	mov	$15, %eax\n" /* a byte of the record that is always zero */
	"	clc\n"
	"	ret\n"
	/* Takes back what was written. */
	"x64_fix_1:\n"
	"x64_fix_0:\n"
	"x64_fix_3:\n"
	"	mov	12(%r11), %edi\n"
	"	add	%r11, %rdi\n"
	".Lwipe:\n"
	"	cmp	%rdx, %rdi\n"
	"	jae	.Lwiped\n"
	"	movq	$0, (%rdi)\n"
	"	add	$8, %rdi\n"
	"	jmp	.Lwipe\n"
	".Lwiped:\n"
	"	stc\n"
	"	ret\n"
	/* Memory.  rax = address, rcx = length, rdx = the record's cap; as above. */
	"x64_common_memory:\n"
	"	mov	12(%r11), %edi\n"
	"	sub	%edi, %edx\n"
	"	cmp	%rdx, %rcx\n"
	"	cmova	%rdx, %rcx\n"
	"	mov	$0x100000, %esi\n" /* NEAR_CAP_MAX */
	"	cmp	%rsi, %rcx\n"
	"	cmova	%rsi, %rcx\n"
	"	lea	(%r11,%rdi), %rdx\n"
	".Lcopy_word:\n"
	"	cmp	$8, %rcx\n"
	"	jb	.Lcopy_byte\n"
	"x64_load_2:\n"
	"	mov	(%rax), %rsi\n"
	"	mov	%rsi, (%rdx)\n"
	"	add	$8, %rax\n"
	"	add	$8, %rdx\n"
	"	sub	$8, %rcx\n"
	"	jmp	.Lcopy_word\n"
	/* Bytes at the end, and after a fault, to find the byte that faults. */
	"x64_fix_2:\n"
	".Lcopy_byte:\n"
	"	test	%rcx, %rcx\n"
	"	jz	.Lcopied\n"
	"x64_load_3:\n"
	"	movzbl	(%rax), %esi\n"
	"	mov	%sil, (%rdx)\n"
	"	inc	%rax\n"
	"	inc	%rdx\n"
	"	dec	%rcx\n"
	"	jmp	.Lcopy_byte\n"
	".Lcopied:\n"
	"	mov	12(%r11), %edi\n"
	"	sub	%r11, %rdx\n"
	"	sub	%rdi, %rdx\n"
	"	lea	7(%rdx), %eax\n"
	"	jmp	.Lappend\n"
	/*
	 * Gives back the unused end.  rcx = bytes reserved; rax = bytes used.
	 * Offsets in gs: head 64.
	 */
	"x64_common_trim:\n"
	"	mov	12(%r11), %edx\n"
	"	mov	4(%r11), %edi\n"
	"	add	%ecx, %edi\n"
	"	sub	%rdx, %rcx\n" /* unused, at least 8 */
	"	mov	%gs:64, %rax\n"
	"	cmp	%eax, %edi\n"
	"	jne	.Lfill\n"
	"	mov	%rax, %rsi\n"
	"	sub	%rcx, %rsi\n"
	"	cmpxchg	%rsi, %gs:64\n"
	"	jne	.Lfill\n"
	"	mov	%rdx, %rax\n"
	"	ret\n"
	".Lfill:\n" /* a handler's record comes behind it */
	"	mov	%rcx, (%r11,%rdx)\n"
	"	mov	%rdx, %rax\n"
	"	ret\n"
	/*
	 * Stack.  rax = from, rdx = to, rcx = bytes, a multiple of 8.  Behind it goes the
	 * offset of where the tail ended before, and the tail ends behind that.
	 */
	"x64_common_stack:\n"
	"	sub	$16, %rcx\n"
	"	jb	.Lstack_word\n"
	".Lstack_pair:\n"
	"x64_load_4:\n"
	"	mov	(%rax), %rsi\n"
	"x64_load_5:\n"
	"	mov	8(%rax), %rdi\n"
	"	mov	%rsi, (%rdx)\n"
	"	mov	%rdi, 8(%rdx)\n"
	"	add	$16, %rax\n"
	"	add	$16, %rdx\n"
	"	sub	$16, %rcx\n"
	"	jae	.Lstack_pair\n"
	".Lstack_word:\n"
	"	cmp	$-8, %rcx\n"
	"	jne	.Lstack_done\n"
	"x64_load_6:\n"
	"	mov	(%rax), %rsi\n"
	"	mov	%rsi, (%rdx)\n"
	"	add	$8, %rdx\n"
	/* Unmapped meanwhile: what there is. */
	"x64_fix_4:\n"
	".Lstack_done:\n"
	"	mov	12(%r11), %edi\n"
	"	mov	%rdi, (%rdx)\n"
	"	sub	%r11, %rdx\n"
	"	add	$8, %edx\n"
	"	mov	%edx, 12(%r11)\n"
	"	ret\n"
	"	.balign 8\n"
	".Lminus_ones:\n"
	"	.quad	0xfefefefefefefeff\n"
	".Lhighs:\n"
	"	.quad	0x8080808080808080\n"
	"x64_common_end:\n"
	".popsection\n");

#define LABEL(name) extern const uint8_t name[] __attribute__((visibility("hidden")))

LABEL(x64_common);
LABEL(x64_common_string);
LABEL(x64_common_memory);
LABEL(x64_common_trim);
LABEL(x64_common_stack);
LABEL(x64_common_end);
LABEL(x64_load_0);
LABEL(x64_load_1);
LABEL(x64_load_2);
LABEL(x64_load_3);
LABEL(x64_load_4);
LABEL(x64_load_5);
LABEL(x64_load_6);
LABEL(x64_fix_4);
LABEL(x64_fix_0);
LABEL(x64_fix_1);
LABEL(x64_fix_2);
LABEL(x64_fix_3);

_Static_assert(NEAR_CAP_MAX == 0x100000, "in the code above");

const uint8_t *arch_record_common(size_t *len_ret)
{
	*len_ret = (size_t)(x64_common_end - x64_common);
	return x64_common;
}

uint32_t x64_common_entry(enum x64_routine which)
{
	switch (which) {
	case X64_STRING: return (uint32_t)(x64_common_string - x64_common);
	case X64_MEMORY: return (uint32_t)(x64_common_memory - x64_common);
	case X64_STACK: return (uint32_t)(x64_common_stack - x64_common);
	default: return (uint32_t)(x64_common_trim - x64_common);
	}
}

uint32_t tramp_common_fixup(uint64_t off)
{
	static const struct {
		const uint8_t *load, *fix;
	} fixups[] = {
		{ x64_load_0, x64_fix_0 }, { x64_load_1, x64_fix_1 }, { x64_load_2, x64_fix_2 },
		{ x64_load_3, x64_fix_3 }, { x64_load_4, x64_fix_4 }, { x64_load_5, x64_fix_4 },
		{ x64_load_6, x64_fix_4 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(fixups); i++)
		if (off == (uint64_t)(fixups[i].load - x64_common))
			return (uint32_t)(fixups[i].fix - x64_common);
	return 0;
}
