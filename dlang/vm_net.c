/*
 * Subroutines for device numbers, byte order and network addresses.
 */
#include "vm.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define HW_ETHER 1 /* ARPHRD_ numbers, as the target's kernel gives them */
#define HW_INFINIBAND 32
#define ETHER_BYTES 6
#define INFINIBAND_BYTES 20

/* dev_t of Linux: 12 + 20 bits of major, 8 + 24 of minor. */
bool subr_getmajor(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	(void)vm;
	(void)n;
	*ret = ((arg[0] >> 8) & 0xfff) | ((arg[0] >> 32) & 0xfffff000);
	return true;
}

bool subr_getminor(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	(void)vm;
	(void)n;
	*ret = (arg[0] & 0xff) | ((arg[0] >> 12) & 0xffffff00);
	return true;
}

bool subr_swap16(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	(void)vm;
	(void)n;
	*ret = htobe16((uint16_t)arg[0]);
	return true;
}

bool subr_swap32(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	(void)vm;
	(void)n;
	*ret = htobe32((uint32_t)arg[0]);
	return true;
}

bool subr_swap64(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	(void)vm;
	(void)n;
	*ret = htobe64(arg[0]);
	return true;
}

/* --- internet addresses --- */

#define ADDR_TEXT 64

static int format_quad(char *to, const uint8_t *b)
{
	return snprintf(to, ADDR_TEXT, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
}

static bool make_quad(struct vm *vm, uint64_t addr, uint64_t *ret)
{
	char text[ADDR_TEXT];
	uint8_t b[4];

	if (!vm_read(vm, addr, b, sizeof(b)))
		return false;
	return vm_string_make(vm, text, (uint64_t)format_quad(text, b), ret);
}

bool subr_inet_ntoa(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	(void)n;
	return make_quad(vm, arg[0], ret);
}

static bool is_zero(const uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (b[i])
			return false;
	return true;
}

static bool is_v4_mapped(const uint8_t *b)
{
	return is_zero(b, 10) && b[10] == 0xff && b[11] == 0xff;
}

/* ::a.b.c.d, but neither :: nor ::1. */
static bool is_v4_compatible(const uint8_t *b)
{
	return is_zero(b, 12) && !is_zero(b + 12, 4) && !(is_zero(b + 12, 3) && b[15] == 1);
}

/* The longest run of at least two zero groups, the first of equals; -1: none. */
static int longest_zero_run(const unsigned *group, int *len_ret)
{
	int best = -1, best_len = 1;

	for (int i = 0, len; i < 8; i += len ? len : 1) {
		for (len = 0; i + len < 8 && group[i + len] == 0;)
			len++;
		if (len > best_len) {
			best = i;
			best_len = len;
		}
	}
	*len_ret = best_len;
	return best;
}

static int format_groups(char *to, const uint8_t *b)
{
	unsigned group[8];
	int run_len, n = 0;

	for (int i = 0; i < 8; i++)
		group[i] = (unsigned)b[2 * i] << 8 | b[2 * i + 1];
	int run = longest_zero_run(group, &run_len);

	for (int i = 0; i < 8; i++) {
		if (i == run) {
			n += snprintf(to + n, (size_t)(ADDR_TEXT - n), "::");
			i += run_len - 1;
			continue;
		}
		bool colon = i > 0 && i != run + run_len;

		if (run < 0)
			colon = i > 0;
		n += snprintf(to + n, (size_t)(ADDR_TEXT - n), "%s%x", colon ? ":" : "", group[i]);
	}
	return n;
}

static bool make_v6(struct vm *vm, uint64_t addr, bool with_prefix, uint64_t *ret)
{
	char text[ADDR_TEXT * 2];
	uint8_t b[16];
	int n = 0;

	if (!vm_read(vm, addr, b, sizeof(b)))
		return false;
	if (is_v4_mapped(b) || is_v4_compatible(b)) {
		if (with_prefix)
			n = snprintf(text, ADDR_TEXT, is_v4_mapped(b) ? "::ffff:" : "::");
		n += format_quad(text + n, b + 12);
	} else {
		n = format_groups(text, b);
	}
	return vm_string_make(vm, text, (uint64_t)n, ret);
}

bool subr_inet_ntoa6(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	(void)n;
	return make_v6(vm, arg[0], false, ret);
}

bool subr_inet_ntop(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	(void)n;
	switch ((int32_t)arg[0]) {
	case AF_INET: return make_quad(vm, arg[1], ret);
	case AF_INET6: return make_v6(vm, arg[1], true, ret);
	default: return vm_fault(vm, DL_FLT_ILLOP, 0);
	}
}

/* --- hardware addresses --- */

bool subr_link_ntop(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	uint8_t b[INFINIBAND_BYTES];
	char text[INFINIBAND_BYTES * 3 + 1];
	uint64_t len = 0;

	(void)n;
	if ((int32_t)arg[0] == HW_ETHER)
		len = ETHER_BYTES;
	else if ((int32_t)arg[0] == HW_INFINIBAND)
		len = INFINIBAND_BYTES;
	if (!vm_read(vm, arg[1], b, len))
		return false;
	for (uint64_t i = 0; i < len; i++)
		snprintf(text + 3 * i, 4, "%02x:", b[i]);
	return vm_string_make(vm, text, len ? 3 * len - 1 : 0, ret);
}
