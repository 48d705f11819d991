/*
 * String subroutines.  A NULL argument faults (BADADDR, address 0); results
 * are in scratch, cut to strsize - 1, or point into their argument where that
 * is D memory.  Perl's rules decide the edge cases of substr(), index() and
 * rindex(), as in DTrace.
 */
#include "vm.h"

#include <string.h>

#include "state_impl.h"

static bool get(struct vm *vm, uint64_t addr, unsigned temp, struct view *ret)
{
	return vm_string(vm, addr, vm->state->strsize, temp, ret);
}

/* The end of v from byte i on: where it is, if it can be named, else a copy. */
static bool tail_of(struct vm *vm, const struct view *v, uint32_t i, uint64_t *ret)
{
	if (v->addr && v->len < vm->state->strsize && i < v->len) {
		*ret = v->addr + i;
		return true;
	}
	return vm_string_make(vm, v->s + i, v->len - i, ret);
}

bool subr_strlen(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	struct view v;

	(void)n;
	if (!get(vm, arg[0], 0, &v))
		return false;
	*ret = v.len;
	return true;
}

/* --- paths --- */

static uint32_t without_slashes(const uint8_t *s, uint32_t len)
{
	while (len && s[len - 1] == '/')
		len--;
	return len;
}

static uint32_t component_start(const uint8_t *s, uint32_t len)
{
	while (len && s[len - 1] != '/')
		len--;
	return len;
}

bool subr_basename(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	struct view v;

	(void)n;
	if (!get(vm, arg[0], 0, &v))
		return false;
	uint32_t end = without_slashes(v.s, v.len), start = component_start(v.s, end);

	if (end == 0)
		return vm_string_make(vm, v.len ? "/" : ".", 1, ret);
	return vm_string_make(vm, v.s + start, end - start, ret);
}

bool subr_dirname(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	struct view v;

	(void)n;
	if (!get(vm, arg[0], 0, &v))
		return false;
	uint32_t end = component_start(v.s, without_slashes(v.s, v.len));

	end = without_slashes(v.s, end);
	if (end == 0)
		return vm_string_make(vm, v.len && v.s[0] == '/' ? "/" : ".", 1, ret);
	return vm_string_make(vm, v.s, end, ret);
}

/*
 * Copies the parts between slashes.  "//" is one slash, "/./" too, and "/../"
 * takes the part before it back; a trailing "/.." leaves the parent's slash,
 * a trailing "/." stays.
 */
static uint32_t clean_path(const uint8_t *s, uint32_t len, uint8_t *to)
{
	uint32_t i = 0, out = 0;

	while (i < len && s[i] != '/')
		to[out++] = s[i++];
	while (i < len) {
		while (i < len && s[i] == '/')
			i++;
		uint32_t start = i;

		while (i < len && s[i] != '/')
			i++;
		uint32_t part = i - start;
		bool is_last = i == len;

		if (part == 1 && s[start] == '.' && !is_last)
			continue;
		if (part == 2 && s[start] == '.' && s[start + 1] == '.') {
			while (out && to[--out] != '/')
				;
			if (is_last)
				to[out++] = '/';
			continue;
		}
		to[out++] = '/';
		memmove(to + out, s + start, part);
		out += part;
	}
	return out;
}

bool subr_cleanpath(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	struct view v;

	(void)n;
	if (!vm_string(vm, arg[0], vm->state->strsize - 1, 0, &v))
		return false;
	uint8_t *p = vm_scratch(vm, v.len, ret);

	if (p)
		p[clean_path(v.s, v.len, p)] = 0;
	return p != NULL;
}

/* --- searching --- */

static bool matches(const struct view *v, const struct view *sub, uint32_t at)
{
	return sub->len == 0 || memcmp(v->s + at, sub->s, sub->len) == 0;
}

bool subr_index(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	int64_t pos = n > 2 ? (int32_t)arg[2] : 0;
	struct view v, sub;

	if (!get(vm, arg[0], 0, &v) || !get(vm, arg[1], 1, &sub))
		return false;
	if (pos < 0)
		pos = 0;
	if (sub.len == 0) {
		*ret = pos < v.len ? (uint64_t)pos : v.len;
		return true;
	}
	*ret = UINT64_MAX;
	if (pos >= v.len)
		return true;
	const uint8_t *hit = memmem(v.s + pos, v.len - (size_t)pos, sub.s, sub.len);

	if (hit)
		*ret = (uint64_t)(hit - v.s);
	return true;
}

bool subr_rindex(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	struct view v, sub;

	if (!get(vm, arg[0], 0, &v) || !get(vm, arg[1], 1, &sub))
		return false;
	int64_t pos = n > 2 ? (int32_t)arg[2] : (int64_t)v.len;

	*ret = UINT64_MAX;
	if (pos < 0) {
		if (sub.len == 0)
			*ret = 0;
		return true;
	}
	if (sub.len > v.len)
		return true;
	if (pos > v.len - sub.len)
		pos = v.len - sub.len;
	for (; pos >= 0; pos--) {
		if (matches(&v, &sub, (uint32_t)pos)) {
			*ret = (uint64_t)pos;
			return true;
		}
	}
	return true;
}

bool subr_strchr(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	uint8_t c = (uint8_t)arg[1];
	struct view v;

	(void)n;
	if (!get(vm, arg[0], 0, &v))
		return false;
	const uint8_t *hit = v.len ? memchr(v.s, c, v.len) : NULL;

	if (!hit && c == 0)
		hit = v.s + v.len;
	*ret = 0;
	return !hit || tail_of(vm, &v, (uint32_t)(hit - v.s), ret);
}

bool subr_strrchr(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	uint8_t c = (uint8_t)arg[1];
	struct view v;

	(void)n;
	if (!get(vm, arg[0], 0, &v))
		return false;
	const uint8_t *hit = v.len ? memrchr(v.s, c, v.len) : NULL;

	if (!hit && c == 0)
		hit = v.s + v.len;
	*ret = 0;
	return !hit || tail_of(vm, &v, (uint32_t)(hit - v.s), ret);
}

bool subr_strstr(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	struct view v, sub;

	(void)n;
	if (!get(vm, arg[0], 0, &v) || !get(vm, arg[1], 1, &sub))
		return false;
	const uint8_t *hit = sub.len ? memmem(v.s, v.len, sub.s, sub.len) : v.s;

	*ret = 0;
	return !hit || tail_of(vm, &v, (uint32_t)(hit - v.s), ret);
}

/* --- making strings --- */

bool subr_strjoin(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	uint32_t max = vm->state->strsize - 1;
	struct view a, b;

	(void)n;
	if (!vm_string(vm, arg[0], max, 0, &a) || !vm_string(vm, arg[1], max, 1, &b))
		return false;
	uint32_t rest = b.len < max - a.len ? b.len : max - a.len;
	uint8_t *p = vm_scratch(vm, (uint64_t)a.len + rest, ret);

	if (!p)
		return false;
	memcpy(p, a.s, a.len);
	memcpy(p + a.len, b.s, rest);
	return true;
}

bool subr_substr(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	int64_t from = (int32_t)arg[1];
	struct view v;

	if (!get(vm, arg[0], 0, &v))
		return false;
	int64_t len = v.len, count = n > 2 ? (int32_t)arg[2] : INT32_MAX;

	if (from < 0) {
		from += len;
		/* Starts before the string: what of it lies inside? */
		if (from < 0 && from + count > 0) {
			count += from;
			from = 0;
		}
	}
	if (from < 0 || from >= len)
		return vm_string_make(vm, "", 0, ret);
	if (count < 0)
		count += len - from;
	else if (count > len - from)
		count = len - from;
	return vm_string_make(vm, v.s + from, count > 0 ? (uint64_t)count : 0, ret);
}

/* Copies the string with the letters from first on moved by 'a' - 'A'. */
static bool change_case(struct vm *vm, uint64_t addr, uint8_t first, uint64_t *ret)
{
	struct view v;

	if (!vm_string(vm, addr, vm->state->strsize - 1, 0, &v))
		return false;
	uint8_t *p = vm_scratch(vm, v.len, ret);

	if (!p)
		return false;
	for (uint32_t i = 0; i < v.len; i++) {
		uint8_t c = v.s[i];

		p[i] = c >= first && c < first + 26 ? c ^ 0x20 : c;
	}
	return true;
}

bool subr_tolower(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	(void)n;
	return change_case(vm, arg[0], 'A', ret);
}

bool subr_toupper(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	(void)n;
	return change_case(vm, arg[0], 'a', ret);
}

bool subr_memstr(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	uint64_t max = vm->state->strsize - 1, len = arg[2] < max ? arg[2] : max;
	uint8_t *p = vm_scratch(vm, len, ret);

	(void)n;
	if (!p || !vm_read(vm, arg[0], p, len))
		return false;
	for (uint64_t i = 0; i < len; i++)
		if (!p[i])
			p[i] = (uint8_t)arg[1];
	return true;
}

/* --- strtok --- */

struct charset {
	uint64_t bits[4];
};

static bool has_char(const struct charset *set, uint8_t c)
{
	return set->bits[c / 64] >> (c % 64) & 1;
}

bool subr_strtok(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	struct frame *f = vm->frame;
	struct charset set = { 0 };
	struct view v, delims;

	(void)n;
	if (!get(vm, arg[1], 1, &delims))
		return false;
	for (uint32_t i = 0; i < delims.len; i++)
		set.bits[delims.s[i] / 64] |= (uint64_t)1 << delims.s[i] % 64;
	if (arg[0]) {
		if (!get(vm, arg[0], 0, &v))
			return false;
		memcpy(f->token, v.s, v.len);
		f->token_len = v.len;
		f->token_at = 0;
		f->has_token = true;
	}
	*ret = 0;
	if (!f->has_token)
		return true;
	uint32_t at = f->token_at, end;

	while (at < f->token_len && has_char(&set, f->token[at]))
		at++;
	for (end = at; end < f->token_len && !has_char(&set, f->token[end]);)
		end++;
	f->token_at = end < f->token_len ? end + 1 : end;
	if (at == end) {
		f->has_token = false;
		return true;
	}
	return vm_string_make(vm, f->token + at, end - at, ret);
}

/* --- numbers --- */

bool subr_lltostr(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	int64_t base = n > 1 ? (int32_t)arg[1] : 10;
	bool is_negative = base == 10 && (int64_t)arg[0] < 0;
	uint64_t value = is_negative ? 0 - arg[0] : arg[0];
	char text[72], *p = text + sizeof(text);

	if (base < 2 || base > 36)
		return vm_fault(vm, DL_FLT_ILLOP, 0);
	bool is_zero = value == 0;

	do {
		*--p = "0123456789abcdefghijklmnopqrstuvwxyz"[value % (uint64_t)base];
		value /= (uint64_t)base;
	} while (value);
	if (base == 16)
		*--p = 'x';
	if (base == 16 || (base == 8 && !is_zero))
		*--p = '0';
	if (is_negative)
		*--p = '-';
	return vm_string_make(vm, p, (uint64_t)(text + sizeof(text) - p), ret);
}

static unsigned digit_of(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'z' ? (unsigned)(c - 'a') + 10 : 99;
}

bool subr_strtoll(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	int64_t base = n > 1 ? (int32_t)arg[1] : 10;
	bool is_negative = false;
	uint64_t value = 0;
	struct view v;
	uint32_t i = 0;

	if (base < 2 || base > 36)
		return vm_fault(vm, DL_FLT_ILLOP, 0);
	if (!get(vm, arg[0], 0, &v))
		return false;
	while (i < v.len && (v.s[i] == ' ' || v.s[i] == '\t'))
		i++;
	if (i < v.len && (v.s[i] == '-' || v.s[i] == '+'))
		is_negative = v.s[i++] == '-';
	if (base == 16 && v.len - i >= 2 && v.s[i] == '0' && (v.s[i + 1] | 0x20) == 'x')
		i += 2;
	for (; i < v.len && digit_of(v.s[i]) < (unsigned)base; i++)
		value = value * (uint64_t)base + digit_of(v.s[i]);
	*ret = is_negative ? 0 - value : value;
	return true;
}
