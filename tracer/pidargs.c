/*
 * args[] of pid probes.
 *
 * Entry probes have the function's parameters; return probes the offset of
 * the return and, unless the function is void, what it returns.  Inlined
 * instances and source lines have the parameters as the raw arguments that
 * they would be at a call (prov_pid.c finds their values).  Offset probes keep
 * to the raw arguments.
 */
#include "pidargs.h"

#include <stdlib.h>
#include <string.h>

#include "../dlang/arena.h"
#include "../dlang/vec.h"
#include "debuginfo.h"
#include "debugzstd.h"
#include "dwarf_place.h"
#include "image.h"

struct pid_args {
	struct dl_probe_arg *list;
	struct arch_where objects[DWARF_PARAMS_MAX]; /* of those that are read as objects */
	unsigned n;
	const char *why;
};

void pid_args_destroy(struct pid_args *a)
{
	if (!a)
		return;
	free(a->list);
	free(a);
}

/* word: which raw argument it is if it is no object. */
static void add_arg(struct pid_args *a, unsigned i, const struct dwarf_param *p, unsigned word)
{
	struct dl_probe_arg *arg = &a->list[a->n++];

	*arg = (struct dl_probe_arg){
		.name = p->name,
		.native_type = p->type,
		.why = p->why,
		.map = word,
		.by_address = !p->why && dwarf_param_is_object(p),
	};
	a->objects[i] = p->where;
	if (arg->by_address)
		arg->map = DL_ARG_ADDRESS + i;
}

static void add_params(struct pid_args *a, const struct dwarf_func *f)
{
	for (unsigned i = 0; i < f->n_params; i++)
		add_arg(a, i, &f->params[i], f->params[i].where.n);
}

static void add_result(struct pid_args *a, struct dl_types *ts, const struct dwarf_func *f)
{
	a->list[a->n++] = (struct dl_probe_arg){
		.native_type = dl_types_basic(ts, DL_T_UINT64),
		.map = 0,
	};
	for (unsigned i = 0; i < f->n_results; i++)
		add_arg(a, i, &f->results[i], 1 + f->results[i].where.n);
}

static const char *no_debug(struct dl_types *ts, const struct object *o, const struct sym *s)
{
	const char *dwo = debuginfo_missing_dwo(o->image, s->addr);

	return arena_printf(dl_types_arena(ts),
			    "no debug information for %s in %s%s%s%s%s: arg0 to arg9 "
			    "are the raw argument registers",
			    s->name, o->name, dwo ? ", as there is no " : "", dwo ? dwo : "",
			    dwo ? " (a .dwp is not read)" : "",
			    debugzstd_is_unreadable(image_elf(o->image)) ?
				    ", as it is compressed with zstd" :
				    "");
}

static bool read_func(struct dl_types *ts, struct object *o, const struct sym *s,
		      enum pid_kind kind, uint64_t addr, const char *inlined, struct dwarf_func *f)
{
	if (kind == PID_INLINE || (kind == PID_LINE && addr != s->addr))
		return dwarf_scope_at(o->image, ts, addr, inlined, f);
	return dwarf_func_at(o->image, ts, s->addr, f);
}

struct pid_args *pid_args_read(struct dl_types *ts, struct object *o, const struct sym *s,
			       enum pid_kind kind, uint64_t addr, const char *inlined)
{
	struct pid_args *a = calloc(1, sizeof(*a));
	_cleanup_(freep) struct dwarf_func *f = calloc(1, sizeof(*f));

	if (!a || !f) {
		free(a);
		return NULL;
	}
	a->list = calloc(DWARF_PARAMS_MAX + 2, sizeof(*a->list));
	if (!a->list)
		a->why = "out of memory";
	else if (kind == PID_OFFSET)
		a->why = "only entry and return probes, and those of source lines, have typed "
			 "arguments";
	else if (!read_func(ts, o, s, kind, addr, inlined, f))
		a->why = no_debug(ts, o, s);
	else if (kind == PID_RETURN)
		add_result(a, ts, f);
	else
		add_params(a, f);
	return a;
}

const struct dl_probe_arg *pid_args_list(const struct pid_args *a, unsigned *n, const char **why)
{
	*n = a->n;
	*why = a->why;
	return a->list;
}

void pid_args_refuse(struct pid_args *a, bool (*is_known)(void *arg, int map), void *arg,
		     const char *why)
{
	for (unsigned i = 0; i < a->n; i++)
		if (!a->list[i].why && !is_known(arg, (int)a->list[i].map))
			a->list[i].why = why;
}

const struct arch_where *pid_args_object(const struct pid_args *a, unsigned i)
{
	return i < DWARF_PARAMS_MAX ? &a->objects[i] : NULL;
}

const struct arch_where *pid_args_objects(const struct pid_args *a, unsigned *n)
{
	*n = DWARF_PARAMS_MAX;
	return a->objects;
}
