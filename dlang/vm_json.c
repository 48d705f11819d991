/*
 * json(text, path): the value at path "a.b[2].c", or NULL if the text is
 * malformed before it or it is not there.
 *
 *	path  = step { "." name | "[" digits "]" }	step = name | "[" digits "]"
 *	value = "{" [ string ":" value { "," string ":" value } ] "}"
 *	      | "[" [ value { "," value } ] "]" | string | number | true | false | null
 *
 * The value is returned as its text, a string without its quotes and with its
 * escapes as they are.  Depth is bounded, and only the way to the value is
 * looked at, each byte once per level.
 */
#include "vm.h"

#include <string.h>

#include "state_impl.h"

#define DEPTH_MAX 64

struct json {
	const uint8_t *p, *end;
};

/* A part of the text; for strings without the quotes. */
struct span {
	const uint8_t *s;
	uint64_t len;
	bool is_valid;
};

static int peek(const struct json *j)
{
	return j->p < j->end ? *j->p : -1;
}

static bool skip(struct json *j, int c)
{
	if (peek(j) != c)
		return false;
	j->p++;
	return true;
}

static void skip_blanks(struct json *j)
{
	while (j->p < j->end && memchr(" \t\r\n", *j->p, 4))
		j->p++;
}

static bool is_hex(int c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f' && c > 0);
}

/* The character after a backslash. */
static bool skip_escape(struct json *j)
{
	int c = peek(j);

	if (c <= 0 || !memchr("\"\\/bfnrtu", c, 9))
		return false;
	j->p++;
	for (int i = 0; c == 'u' && i < 4; i++) {
		if (!is_hex(peek(j)))
			return false;
		j->p++;
	}
	return true;
}

static struct span read_string(struct json *j)
{
	struct span none = { .is_valid = false };

	if (!skip(j, '"'))
		return none;
	const uint8_t *start = j->p;

	while (j->p < j->end && *j->p != '"')
		if (*j->p++ == '\\' && !skip_escape(j))
			return none;
	struct span text = { .s = start, .len = (uint64_t)(j->p - start), .is_valid = true };

	return skip(j, '"') ? text : none;
}

static bool read_word(struct json *j)
{
	static const char *const words[] = { "true", "false", "null" };

	for (unsigned i = 0; i < 3; i++) {
		size_t len = strlen(words[i]);

		if ((size_t)(j->end - j->p) >= len && memcmp(j->p, words[i], len) == 0) {
			j->p += len;
			return true;
		}
	}
	return false;
}

static bool read_number(struct json *j)
{
	const uint8_t *start = j->p;

	skip(j, '-');
	if (peek(j) < '0' || peek(j) > '9')
		return false;
	while (j->p < j->end && memchr("0123456789.eE+-", *j->p, 15))
		j->p++;
	return j->p > start;
}

static bool skip_value(struct json *j, int depth);

static bool skip_list(struct json *j, bool is_object, int depth)
{
	int close = is_object ? '}' : ']';

	j->p++;
	skip_blanks(j);
	if (skip(j, close))
		return true;
	for (;;) {
		skip_blanks(j);
		if (is_object) {
			if (!read_string(j).is_valid)
				return false;
			skip_blanks(j);
			if (!skip(j, ':'))
				return false;
		}
		if (!skip_value(j, depth + 1))
			return false;
		skip_blanks(j);
		if (skip(j, close))
			return true;
		if (!skip(j, ','))
			return false;
	}
}

static bool skip_value(struct json *j, int depth)
{
	skip_blanks(j);
	if (depth > DEPTH_MAX)
		return false;
	switch (peek(j)) {
	case '{': return skip_list(j, true, depth);
	case '[': return skip_list(j, false, depth);
	case '"': return read_string(j).is_valid;
	case 't':
	case 'f':
	case 'n': return read_word(j);
	default: return read_number(j);
	}
}

/* Moves to the value of member name; false: it is not there, or malformed. */
static bool enter_member(struct json *j, const struct span *name)
{
	skip_blanks(j);
	if (!skip(j, '{'))
		return false;
	do {
		skip_blanks(j);
		struct span key = read_string(j);

		skip_blanks(j);
		if (!key.is_valid || !skip(j, ':'))
			return false;
		if (key.len == name->len && memcmp(key.s, name->s, key.len) == 0)
			return true;
		if (!skip_value(j, 0))
			return false;
		skip_blanks(j);
	} while (skip(j, ','));
	return false;
}

static bool enter_element(struct json *j, uint64_t index)
{
	skip_blanks(j);
	if (!skip(j, '['))
		return false;
	for (; index; index--) {
		if (!skip_value(j, 0))
			return false;
		skip_blanks(j);
		if (!skip(j, ','))
			return false;
	}
	skip_blanks(j);
	return peek(j) != ']';
}

/* "[digits]" at path, which stands on the bracket. */
static bool path_index(struct json *path, uint64_t *ret)
{
	uint64_t index = 0;

	path->p++;
	if (peek(path) < '0' || peek(path) > '9')
		return false;
	for (; peek(path) >= '0' && peek(path) <= '9'; path->p++) {
		if (index > UINT32_MAX)
			return false;
		index = index * 10 + (uint64_t)(*path->p - '0');
	}
	*ret = index;
	return skip(path, ']');
}

/* Takes one step of the path; false: no such value. */
static bool follow(struct json *path, struct json *j)
{
	uint64_t index;

	if (peek(path) == '[')
		return path_index(path, &index) && enter_element(j, index);
	struct span name = { .s = path->p };

	while (path->p < path->end && *path->p != '.' && *path->p != '[')
		path->p++;
	name.len = (uint64_t)(path->p - name.s);
	return name.len && enter_member(j, &name);
}

static struct span find_value(struct json j, struct json path)
{
	struct span none = { .is_valid = false };

	do {
		if (!follow(&path, &j))
			return none;
		if (skip(&path, '.') && (peek(&path) < 0 || peek(&path) == '['))
			return none;
		if (path.p < path.end && path.p[-1] == ']' && *path.p != '[')
			return none;
	} while (path.p < path.end);
	skip_blanks(&j);
	if (peek(&j) == '"')
		return read_string(&j);
	const uint8_t *start = j.p;

	if (!skip_value(&j, 0))
		return none;
	return (struct span){ .s = start, .len = (uint64_t)(j.p - start), .is_valid = true };
}

bool subr_json(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	uint32_t max = vm->state->strsize;
	struct view text, path;

	(void)n;
	if (!vm_string(vm, arg[0], max, 0, &text) || !vm_string(vm, arg[1], max, 1, &path))
		return false;
	struct span found = find_value((struct json){ text.s, text.s + text.len },
				       (struct json){ path.s, path.s + path.len });

	*ret = 0;
	return !found.is_valid || vm_string_make(vm, found.s, found.len, ret);
}
