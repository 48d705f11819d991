/*
 * Options: the table of option.def, value syntaxes, and a session's values.
 *
 * A weaker origin never overrides a stronger one (environment < command line
 * < pragma < setopt()); of equal ones the last wins.  List options keep every
 * value in order.
 */
#include "option.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "attr.h"
#include "parse.h"
#include "vec.h"

#define INVALID_NAME "Invalid option name"
#define INVALID_VALUE "Invalid value for specified option"
#define INVALID_CONTEXT "Option cannot be used from within a D program"
#define INVALID_ACTIVE "Operation illegal when tracing is active"

#define NSEC_PER_SEC 1000000000ull
#define STRSIZE_MIN 2u
#define STRSIZE_MAX (1u << 20)

enum opt_class { CLASS_C, CLASS_R, CLASS_D, CLASS_I };
enum opt_value {
	VALUE_FLAG,
	VALUE_BOOL,
	VALUE_SIZE,
	VALUE_RATE,
	VALUE_COUNT,
	VALUE_TEXT,
	VALUE_KEYWORD
};

static const struct opt_info {
	const char *name;
	enum opt_class class;
	enum opt_value value;
	const char *def;
} infos[DL_OPT_COUNT] = {
#define OPTION(id, n, cls, val, d) [DL_OPT_##id] = { n, CLASS_##cls, VALUE_##val, d },
#include "option.def"
#undef OPTION
};

struct text {
	char *text;
	unsigned order; /* among all texts: -D and -U act in the order given */
};

struct dl_options {
	struct slot {
		uint64_t number;
		bool is_set;
		enum dl_opt_origin origin;
		VEC(struct text) texts;
	} slots[DL_OPT_COUNT];
	unsigned n_texts; /* given so far */
};

/* --- value syntaxes --- */

static struct error *bad_value(void)
{
	return error_format(ERR_OTHER, INVALID_VALUE);
}

/* A non-negative integer in any C base; *end_ret is behind it. */
static bool parse_number(const char *s, const char **end_ret, uint64_t *ret)
{
	char *end;

	if (!isdigit((unsigned char)*s))
		return false;
	errno = 0;
	*ret = strtoull(s, &end, 0);
	*end_ret = end;
	return errno == 0 && end != s;
}

struct error *dl_parse_size(const char *s, uint64_t *ret)
{
	const char *end;
	uint64_t n;
	unsigned shift = 0;

	if (!parse_number(s, &end, &n))
		return bad_value();
	switch (*end) {
	case 'k':
	case 'K': shift = 10; break;
	case 'm':
	case 'M': shift = 20; break;
	case 'g':
	case 'G': shift = 30; break;
	case 't':
	case 'T': shift = 40; break;
	case '\0': break;
	default: return bad_value();
	}
	if ((shift && end[1]) || (shift && n >> (64 - shift)) || n == DL_OPT_UNSET)
		return bad_value();
	*ret = n << shift;
	return NULL;
}

uint64_t dl_time_unit(const char *name)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {
		{ "ns", 1 },
		{ "nsec", 1 },
		{ "us", 1000 },
		{ "usec", 1000 },
		{ "ms", 1000000 },
		{ "msec", 1000000 },
		{ "s", NSEC_PER_SEC },
		{ "sec", NSEC_PER_SEC },
		{ "m", 60 * NSEC_PER_SEC },
		{ "min", 60 * NSEC_PER_SEC },
		{ "h", 3600 * NSEC_PER_SEC },
		{ "hour", 3600 * NSEC_PER_SEC },
		{ "d", 86400 * NSEC_PER_SEC },
		{ "day", 86400 * NSEC_PER_SEC },
	};

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (!strcasecmp(name, units[i].name))
			return units[i].ns;
	return 0;
}

struct error *dl_parse_rate(const char *s, uint64_t *period_ns_ret)
{
	const char *end;
	uint64_t n, unit;

	if (!parse_number(s, &end, &n))
		return bad_value();
	if (!strcasecmp(end, "hz")) {
		*period_ns_ret = n ? NSEC_PER_SEC / n : 0;
		return n > NSEC_PER_SEC ? bad_value() : NULL;
	}
	unit = *end ? dl_time_unit(end) : 1;
	if (!unit || __builtin_mul_overflow(n, unit, period_ns_ret) ||
	    *period_ns_ret == DL_OPT_UNSET)
		return bad_value();
	return NULL;
}

/* "yes", "off" and the like. */
static bool parse_switch(const char *s, bool *ret)
{
	static const char *const on[] = { "yes", "on", "true", "enable", "enabled", "set" };
	static const char *const off[] = {
		"no", "off", "false", "disable", "disabled", "unset", ""
	};

	for (size_t i = 0; i < ARRAY_SIZE(on); i++)
		if (!strcasecmp(s, on[i]))
			return *ret = true;
	for (size_t i = 0; i < ARRAY_SIZE(off); i++) {
		if (!strcasecmp(s, off[i])) {
			*ret = false;
			return true;
		}
	}
	return false;
}

static struct error *parse_bool(const char *s, uint64_t *ret)
{
	const char *end;
	bool is_on = true;

	if (!s || parse_switch(s, &is_on)) {
		*ret = is_on;
		return NULL;
	}
	if (!parse_number(s, &end, ret) || *end || *ret == DL_OPT_UNSET)
		return bad_value();
	*ret = *ret != 0;
	return NULL;
}

/* Run-time numbers take the words of flags too: set is 1, without a value 0. */
static bool parse_as_flag(const char *s, uint64_t *ret)
{
	bool is_on;

	if (!s) {
		*ret = 0;
		return true;
	}
	if (!parse_switch(s, &is_on))
		return false;
	*ret = is_on ? 1 : DL_OPT_UNSET;
	return true;
}

static struct error *parse_count(const char *s, uint64_t *ret)
{
	const char *end;

	if (!parse_number(s, &end, ret) || *end || *ret > INT32_MAX)
		return bad_value();
	return NULL;
}

/* --- checks of single options --- */

static bool one_of(const char *value, const char *const *words)
{
	for (; *words; words++)
		if (!strcmp(value, *words))
			return true;
	return false;
}

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static bool keyword_ok(enum dl_opt which, const char *v)
{
	switch (which) {
	case DL_OPT_ENCODING: return one_of(v, WORDS("ascii", "utf8"));
	case DL_OPT_EVALTIME: return one_of(v, WORDS("exec", "preinit", "postinit", "main"));
	case DL_OPT_LATE: return one_of(v, WORDS("dynamic", "static"));
	case DL_OPT_LINKMODE: return one_of(v, WORDS("kernel", "primary", "dynamic", "static"));
	case DL_OPT_LINKTYPE: return one_of(v, WORDS("elf", "dof"));
	case DL_OPT_STDC: return one_of(v, WORDS("a", "c", "s", "t"));
	case DL_OPT_SCOPE: return one_of(v, WORDS("target", "all"));
	case DL_OPT_TIER: return one_of(v, WORDS("auto", "stop", "record"));
	case DL_OPT_BUFPOLICY: return one_of(v, WORDS("ring", "fill", "switch", "wait"));
	case DL_OPT_BUFRESIZE: return one_of(v, WORDS("auto", "manual"));
	default: return true;
	}
}

static struct error *check_version(const char *v, const char *earlier)
{
	uint32_t version, old;

	if (!dl_version_parse(v, &version))
		return error_format(ERR_OTHER, "Version is not properly formatted or is too large");
	if (!dl_version_known(version))
		return error_format(ERR_OTHER, "Requested version is not supported by compiler");
	if (earlier && dl_version_parse(earlier, &old) && version > old)
		return error_format(ERR_OTHER, "Requested version conflicts with earlier setting");
	return NULL;
}

static struct error *check_text(enum dl_opt which, const char *v, const char *earlier)
{
	struct dl_attr attr;
	uint64_t cpu;

	if (which == DL_OPT_AMIN && !dl_attr_parse(v, &attr))
		return bad_value();
	if (which == DL_OPT_CPU && strcmp(v, "all") != 0)
		return parse_count(v, &cpu);
	return which == DL_OPT_VERSION ? check_version(v, earlier) : NULL;
}

/* Some numbers have limits. */
static struct error *check_number(enum dl_opt which, const uint64_t *v)
{
	switch (which) {
	case DL_OPT_STRSIZE: return *v < STRSIZE_MIN || *v > STRSIZE_MAX ? bad_value() : NULL;
	case DL_OPT_IREGS:
	case DL_OPT_TREGS: return *v == 0 ? bad_value() : NULL;
	case DL_OPT_TREE: return *v == 0 || *v > 15 ? bad_value() : NULL;
	default: return NULL;
	}
}

static struct error *parse_number_value(enum dl_opt which, const char *value, uint64_t *ret)
{
	struct error *err;

	if (infos[which].value == VALUE_BOOL)
		return parse_bool(value, ret);
	if (infos[which].value == VALUE_FLAG) {
		*ret = 1;
		return value ? bad_value() : NULL;
	}
	if (infos[which].value == VALUE_COUNT && infos[which].class != CLASS_C &&
	    parse_as_flag(value, ret))
		return NULL;
	if (!value)
		return bad_value();
	if (infos[which].value == VALUE_SIZE)
		err = dl_parse_size(value, ret);
	else if (infos[which].value == VALUE_RATE)
		err = dl_parse_rate(value, ret);
	else
		err = parse_count(value, ret);
	return err ? err : check_number(which, ret);
}

static bool is_list(enum dl_opt which)
{
	return which == DL_OPT_DEFINE || which == DL_OPT_UNDEF || which == DL_OPT_INCDIR ||
	       which == DL_OPT_LIBDIR || which == DL_OPT_SETENV || which == DL_OPT_UNSETENV ||
	       which == DL_OPT_CPPARGS;
}

/* What has been used by the time a program is read can't be set in it. */
static bool illegal_in_program(enum dl_opt which)
{
	switch (which) {
	case DL_OPT_CPP:
	case DL_OPT_CPPARGS:
	case DL_OPT_CPPHDRS:
	case DL_OPT_CPPPATH:
	case DL_OPT_DEFINE:
	case DL_OPT_UNDEF:
	case DL_OPT_INCDIR:
	case DL_OPT_STDC:
	case DL_OPT_LDPATH:
	case DL_OPT_LIBDIR:
	case DL_OPT_SYSLIBDIR:
	case DL_OPT_LINKMODE:
	case DL_OPT_LINKTYPE:
	case DL_OPT_CTYPES:
	case DL_OPT_DTYPES:
	case DL_OPT_SETENV:
	case DL_OPT_UNSETENV:
	case DL_OPT_NOLIBS:
	case DL_OPT_EVALTIME: return true;
	default: return false;
	}
}

/* --- values --- */

static bool is_text(enum dl_opt which)
{
	return infos[which].value == VALUE_TEXT || infos[which].value == VALUE_KEYWORD ||
	       infos[which].class == CLASS_I;
}

static void clear_texts(struct slot *s)
{
	for (size_t i = 0; i < s->texts.n; i++)
		free(s->texts.items[i].text);
	s->texts.n = 0;
}

struct dl_options *dl_options_create(void)
{
	struct dl_options *o = calloc(1, sizeof(*o));

	for (int i = 0; o && i < DL_OPT_COUNT; i++) {
		uint64_t n = DL_OPT_UNSET;

		if (infos[i].value == VALUE_FLAG)
			n = 0;
		else if (!is_text((enum dl_opt)i) && *infos[i].def &&
			 strcmp(infos[i].def, "0") != 0)
			error_destroy(parse_number_value((enum dl_opt)i, infos[i].def, &n));
		else if (!is_text((enum dl_opt)i) && *infos[i].def)
			n = 0;
		o->slots[i].number = n;
	}
	return o;
}

void dl_options_destroy(struct dl_options *o)
{
	if (!o)
		return;
	for (int i = 0; i < DL_OPT_COUNT; i++) {
		clear_texts(&o->slots[i]);
		vec_deinit(&o->slots[i].texts);
	}
	free(o);
}

static struct error *set_text(struct dl_options *o, enum dl_opt which, const char *value)
{
	struct slot *s = &o->slots[which];
	struct error *err = NULL;

	if (!value && infos[which].class != CLASS_I)
		return bad_value();
	if (infos[which].value == VALUE_KEYWORD && !keyword_ok(which, value))
		return bad_value();
	if (infos[which].class != CLASS_I)
		err = check_text(which, value, s->texts.n ? s->texts.items[0].text : NULL);
	if (err)
		return err;
	char *copy = strdup(value ? value : "");

	if (!copy)
		return &error_nomem;
	if (!is_list(which))
		clear_texts(s);
	if (!vec_push(&s->texts, ((struct text){ copy, o->n_texts++ }))) {
		free(copy);
		return &error_nomem;
	}
	return NULL;
}

/* Pairs of flags that switch each other off. */
static void switch_opposite(struct dl_options *o, enum dl_opt which)
{
	static const enum dl_opt pairs[][2] = {
		{ DL_OPT_KDEFS, DL_OPT_KNODEFS },
		{ DL_OPT_UDEFS, DL_OPT_UNODEFS },
	};

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		if (which == pairs[i][0])
			o->slots[pairs[i][1]].number = 0;
		else if (which == pairs[i][1])
			o->slots[pairs[i][0]].number = 0;
	}
}

static int find_option(const char *name)
{
	for (int i = 0; i < DL_OPT_COUNT; i++)
		if (!strcmp(infos[i].name, name))
			return i;
	return -1;
}

struct error *dl_options_set(struct dl_options *o, const char *name, const char *value,
			     enum dl_opt_origin origin, bool started)
{
	int i = find_option(name);
	struct error *err;

	if (i < 0)
		return error_format(ERR_OTHER, INVALID_NAME);
	enum dl_opt which = (enum dl_opt)i;
	struct slot *s = &o->slots[i];

	if (origin == DL_OPT_FROM_PRAGMA && illegal_in_program(which))
		return error_format(ERR_OTHER, INVALID_CONTEXT);
	if (started && infos[i].class != CLASS_D)
		return error_format(ERR_OTHER, INVALID_ACTIVE);
	/* From the environment a flag may come with an empty value. */
	if (origin == DL_OPT_FROM_ENV && value && !*value)
		value = NULL;
	if (s->is_set && origin < s->origin)
		return NULL;
	if (is_text(which)) {
		err = set_text(o, which, value);
	} else {
		uint64_t n = 0;

		err = parse_number_value(which, value, &n);
		if (!err) {
			s->number = n;
			switch_opposite(o, which);
		}
	}
	if (err)
		return err;
	s->is_set = true;
	s->origin = origin;
	return NULL;
}

uint64_t dl_option(const struct dl_options *o, enum dl_opt which)
{
	return o ? o->slots[which].number : DL_OPT_UNSET;
}

const char *dl_option_text(const struct dl_options *o, enum dl_opt which)
{
	const struct slot *s = &o->slots[which];

	if (s->texts.n)
		return s->texts.items[s->texts.n - 1].text;
	return is_text(which) && *infos[which].def ? infos[which].def : NULL;
}

const char *dl_option_text_at(const struct dl_options *o, enum dl_opt which, unsigned i)
{
	const struct slot *s = &o->slots[which];

	return i < s->texts.n ? s->texts.items[i].text : NULL;
}

unsigned dl_option_order_at(const struct dl_options *o, enum dl_opt which, unsigned i)
{
	const struct slot *s = &o->slots[which];

	return i < s->texts.n ? s->texts.items[i].order : UINT_MAX;
}

bool dl_option_is_set(const struct dl_options *o, enum dl_opt which)
{
	return o->slots[which].is_set;
}

bool dl_option_is_ignored(enum dl_opt which)
{
	switch (which) {
	case DL_OPT_AGGPERCPU: /* there is one table */
	case DL_OPT_AGGRATE: /* it is read in place */
	case DL_OPT_TEMPORAL: /* there is one buffer: the order is that of the firings */
	case DL_OPT_JSTACKSTRSIZE: /* no helper adds strings to stacks */
	case DL_OPT_PGMAX: return true;
	default: return infos[which].class == CLASS_I;
	}
}

const char *dl_option_name(enum dl_opt which)
{
	return infos[which].name;
}

void dl_options_each(void (*fn)(void *arg, const char *name), void *arg)
{
	for (int i = 0; i < DL_OPT_COUNT; i++)
		fn(arg, infos[i].name);
}

void dl_options_save_flags(const struct dl_options *o, struct dl_saved_flags *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(ret->number); i++) {
		ret->number[i] = o->slots[dl_program_flags[i]].number;
		ret->is_set[i] = o->slots[dl_program_flags[i]].is_set;
		ret->origin[i] = o->slots[dl_program_flags[i]].origin;
	}
}

void dl_options_restore_flags(struct dl_options *o, const struct dl_saved_flags *saved)
{
	for (size_t i = 0; i < ARRAY_SIZE(saved->number); i++) {
		o->slots[dl_program_flags[i]].number = saved->number[i];
		o->slots[dl_program_flags[i]].is_set = saved->is_set[i];
		o->slots[dl_program_flags[i]].origin = saved->origin[i];
	}
}

/* --- language versions --- */

static bool version_part(const char **p, unsigned max, uint32_t *ret)
{
	uint32_t n = 0;

	if (!isdigit((unsigned char)**p))
		return false;
	for (; isdigit((unsigned char)**p); (*p)++) {
		n = n * 10 + (uint32_t)(**p - '0');
		if (n > max)
			return false;
	}
	*ret = n;
	return true;
}

bool dl_version_parse(const char *s, uint32_t *ret)
{
	uint32_t major, minor, micro = 0;

	if (!version_part(&s, 0xff, &major) || *s++ != '.' || !version_part(&s, 0xfff, &minor))
		return false;
	if (*s == '.') {
		s++;
		if (!version_part(&s, 0xfff, &micro))
			return false;
	}
	*ret = DL_VERSION(major, minor, micro);
	return !*s;
}

bool dl_version_known(uint32_t v)
{
	/* Versions that had a third number; all others are 1.0 to 1.13. */
	static const uint32_t micro[] = {
		DL_VERSION(1, 2, 1), DL_VERSION(1, 2, 2), DL_VERSION(1, 4, 1), DL_VERSION(1, 6, 1),
		DL_VERSION(1, 6, 2), DL_VERSION(1, 6, 3), DL_VERSION(1, 7, 1), DL_VERSION(1, 12, 1),
	};

	if ((v & 0xfff) == 0)
		return v >> 24 == 1 && v <= DL_VERSION_NEWEST;
	for (size_t i = 0; i < ARRAY_SIZE(micro); i++)
		if (v == micro[i])
			return true;
	return false;
}
