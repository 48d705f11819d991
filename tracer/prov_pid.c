/*
 * The pid provider: probe points of a process (pidprobe.c) as probes and
 * sites.
 *
 * A probe may have several points (a function returns in several places).
 * Descriptions are remembered, so that objects that come later (dlopen, exec)
 * get their probes; a probe whose code went keeps its identity and is planted
 * again when the same point comes back.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "demangle.h"
#include "dwarf_line.h"
#include "dwarf_place.h"
#include "pidargs.h"
#include "pidprobe.h"
#include "pidvalue.h"
#include "session.h"

struct pid_probe;

/* One address of a probe; arg of the site's user. */
struct pid_spot {
	struct pid_probe *owner;
	pid_t pid; /* the process it is in: the probe's, or a descendant */
	uint64_t addr, offset;
	enum pid_kind kind;
	enum arch_flow flow;
	struct object *object;
	struct site *site; /* NULL: not planted, or gone */
	const struct sym *sym; /* what it is in */
	const char *inlined; /* function that was inlined here; NULL */
	struct dwarf_places *places; /* owned: arguments, where it isn't a function's entry */
	struct arch_place *operands; /* owned: the same for the record tier; NULL: not asked for */
};

struct pid_probe {
	struct probe *probe;
	pid_t pid;
	struct object *object; /* where it was found last: for modules by path, ... */
	const struct sym *sym; /* ... and functions by alias; NULL for '-' */
	VEC(struct pid_spot *) spots; /* owned */
	struct pid_args *args; /* owned; read when asked for */
	char note[48]; /* for lists: how many instances were inlined */
};

/* A description that was asked for. */
struct request {
	pid_t pid;
	struct dl_pdesc desc; /* texts owned */
};

struct pid_provider {
	VEC(struct request) requests;
	VEC(struct pid_probe *) probes; /* owned */
};

static struct pid_provider *state_of(struct session *s)
{
	return s->pid_provider;
}

static struct error *init(struct provider *p)
{
	p->session->pid_provider = calloc(1, sizeof(struct pid_provider));
	return p->session->pid_provider ? NULL : &error_nomem;
}

static void request_deinit(struct request *r)
{
	free((char *)r->desc.prov);
	free((char *)r->desc.mod);
	free((char *)r->desc.func);
	free((char *)r->desc.name);
}

static void spot_destroy(struct pid_spot *spot)
{
	free(spot->places);
	free(spot->operands);
	free(spot);
}

void pid_provider_destroy(struct session *s)
{
	struct pid_provider *st = state_of(s);

	if (!st)
		return;
	for (size_t i = 0; i < st->probes.n; i++) {
		struct pid_probe *pp = st->probes.items[i];

		for (size_t j = 0; j < pp->spots.n; j++)
			spot_destroy(pp->spots.items[j]);
		vec_deinit(&pp->spots);
		pid_args_destroy(pp->args);
		free(pp);
	}
	vec_deinit(&st->probes);
	for (size_t i = 0; i < st->requests.n; i++)
		request_deinit(&st->requests.items[i]);
	vec_deinit(&st->requests);
	free(st);
	s->pid_provider = NULL;
}

/* ---------------------------------------------------------- planting -- */

static struct error *plant_spot(struct session *s, struct pid_spot *spot)
{
	struct target *t = target_by_pid(s, spot->pid);
	struct site_user user = { .arg = spot };
	const uint8_t *code = NULL;

	if (spot->site || !t || !t->proc)
		return NULL;
	size_t len = object_text(spot->object, spot->addr, &code);
	struct error *err = site_add(s->engine, t->proc->as, spot->addr, len ? code : NULL, len,
				     user, &spot->site);

	if (err && (err->code == ERR_NOMEM || err->code == ERR_GONE))
		return err;
	if (err) {
		/* One address that can't be patched does not spoil the rest. */
		s->n_refused++;
		s->refused_why = "see the reasons of -v";
		if (s->cli->verbose)
			session_message(s, "%s:%s:%s:%s at 0x%lx: %s", spot->owner->probe->prov,
					spot->owner->probe->mod, spot->owner->probe->func,
					spot->owner->probe->name, (unsigned long)spot->addr,
					err->message);
		error_destroy(err);
		return NULL;
	}
	if (s->to_plant.n && s->to_plant.items[s->to_plant.n - 1] == t->proc->as)
		return NULL;
	return vec_push(&s->to_plant, t->proc->as) ? NULL : &error_nomem;
}

static struct error *enable(struct provider *p, struct probe *pr)
{
	struct pid_probe *pp = pr->data;
	struct error *err = NULL;

	for (size_t i = 0; i < pp->spots.n && !err; i++)
		err = plant_spot(p->session, pp->spots.items[i]);
	return err;
}

/* ---------------------------------------------------------- providing -- */

struct giving {
	struct provider *provider;
	pid_t pid; /* the probe's */
	pid_t spot_pid; /* of the process at hand */
	char prov[32];
	struct error *err;
};

static struct pid_probe *make_probe(struct giving *g, const struct pid_point *pt)
{
	struct session *s = g->provider->session;
	struct probe *pr = probe_find(s->probes, g->prov, pt->object->name, pt->func, pt->name);
	struct pid_probe *pp;

	if (pr)
		return pr->data;
	pp = calloc(1, sizeof(*pp));
	if (!pp || !vec_push(&state_of(s)->probes, pp)) {
		free(pp);
		return NULL;
	}
	pp->pid = g->pid;
	pp->probe =
		probe_add(s->probes, g->provider, g->prov, pt->object->name, pt->func, pt->name);
	if (!pp->probe)
		return NULL;
	pp->probe->data = pp;
	return pp;
}

static struct pid_spot *find_spot(struct pid_probe *pp, pid_t pid, uint64_t addr)
{
	for (size_t i = 0; i < pp->spots.n; i++)
		if (pp->spots.items[i]->addr == addr && pp->spots.items[i]->pid == pid)
			return pp->spots.items[i];
	return NULL;
}

/* Where arguments are in the middle of code; NULL: not known, or an entry. */
static struct dwarf_places *find_places(struct session *s, const struct pid_point *pt)
{
	_cleanup_(freep) struct dwarf_places *ps = NULL;

	if (pt->kind != PID_INLINE && (pt->kind != PID_LINE || !pt->offset))
		return NULL;
	ps = calloc(1, sizeof(*ps));
	if (!ps || !dwarf_places_at(pt->object->image, dl_ctx_types(s->ctx),
				    pt->addr - pt->object->bias, pt->inlined, ps))
		return NULL;
	ps->bias = pt->object->bias;
	return take_ptr(ps);
}

static bool give_point(void *arg, const struct pid_point *pt)
{
	struct giving *g = arg;
	struct pid_probe *pp = make_probe(g, pt);
	struct pid_spot *spot;

	if (!pp) {
		g->err = &error_nomem;
		return false;
	}
	pp->object = pt->object;
	if (pt->kind != PID_INLINE)
		pp->sym = pt->sym;
	spot = find_spot(pp, g->spot_pid, pt->addr);
	if (spot) {
		spot->object = pt->object;
	} else {
		spot = calloc(1, sizeof(*spot));
		if (!spot || !vec_push(&pp->spots, spot)) {
			free(spot);
			g->err = &error_nomem;
			return false;
		}
		*spot = (struct pid_spot){ .owner = pp,
					   .pid = g->spot_pid,
					   .addr = pt->addr,
					   .offset = pt->offset,
					   .kind = pt->kind,
					   .flow = pt->flow,
					   .object = pt->object,
					   .sym = pt->sym,
					   .inlined = pt->inlined,
					   .places = find_places(g->provider->session, pt) };
	}
	if (pp->probe->is_enabled && !spot->site)
		g->err = plant_spot(g->provider->session, spot);
	return !g->err;
}

/* libc, a.out and paths name objects; aliases name functions. */
static bool matches(const struct probe *pr, const struct dl_pdesc *d)
{
	const struct pid_probe *pp = pr->data;

	if (*d->name && !dl_glob_match(d->name, pr->name))
		return false;
	if (*d->prov && !dl_glob_match(d->prov, pr->prov))
		return false;
	if (*d->mod && !object_matches(pp->object, d->mod))
		return false;
	if (!*d->func || dl_glob_match(d->func, pr->func) || demangle_matches(d->func, pr->func))
		return true;
	return pp->sym && object_function_matches(pp->object, pp->sym, d->func);
}

static bool same_request(const struct request *r, pid_t pid, const struct dl_pdesc *d)
{
	return r->pid == pid && !strcmp(r->desc.mod, d->mod) && !strcmp(r->desc.func, d->func) &&
	       !strcmp(r->desc.name, d->name);
}

static struct error *remember(struct pid_provider *st, pid_t pid, const struct dl_pdesc *d)
{
	struct request r = {
		.pid = pid,
		.desc = { strdup(d->prov), strdup(d->mod), strdup(d->func), strdup(d->name), 0 },
	};

	if (r.desc.prov && r.desc.mod && r.desc.func && r.desc.name && vec_push(&st->requests, r))
		return NULL;
	request_deinit(&r);
	return &error_nomem;
}

/* Does the provider field ask for pid<digits>?  Globs before the digits are fine. */
static bool wants_pid(const char *prov)
{
	size_t digits = strlen(prov);

	while (digits && isdigit((unsigned char)prov[digits - 1]))
		digits--;
	if (!prov[digits])
		return false;
	char *head = strndup(prov, digits);
	bool wants = head && *head && dl_glob_match(head, "pid");

	free(head);
	return wants;
}

/* Scripts of the books say pid$1::: and have no -p. */
static struct error *grab(struct session *s, pid_t pid)
{
	struct error *err = session_attach(s, pid);
	struct error *tagged;
	const char *why;

	if (!err || err == &error_nomem)
		return err;
	why = strstr(err->message, ": ");
	tagged = error_tagged("D_PROC_GRAB", "failed to grab process %d: %s", (int)pid,
			      why ? why + 2 : err->message);
	error_destroy(err);
	return tagged;
}

static struct error *target_for(struct session *s, const char *prov, struct target **ret)
{
	pid_t pid;
	struct error *err = pid_provider_parse(prov, &pid);

	if (err) {
		if (!s->targets && err->tag && !strcmp(err->tag, "D_PROC_BADPID"))
			return error_context(err, "no process to trace (start one with -c or "
						  "attach with -p)");
		return err;
	}
	*ret = target_by_pid(s, pid);
	if (!*ret && s->is_compiling) {
		err = grab(s, pid);
		if (err)
			return err;
		*ret = target_by_pid(s, pid);
	}
	if (!*ret || !(*ret)->proc)
		return error_tagged("D_PROC_GRAB", "failed to grab process %d: it is not traced",
				    (int)pid);
	if (!target_objects(*ret))
		return error_tagged("D_PROC_GRAB",
				    "failed to grab process %d: its memory map "
				    "can't be read",
				    (int)pid);
	return NULL;
}

/* All objects there are now have been looked at. */
static void mark_given(struct target *t)
{
	for (size_t i = 0; i < objects_count(t->objects); i++)
		if (objects_at(t->objects, i)->generation > t->generation)
			t->generation = objects_at(t->objects, i)->generation;
}

static struct error *provide(struct provider *p, const struct dl_pdesc *d)
{
	struct pid_provider *st = state_of(p->session);
	struct giving g = { .provider = p };
	struct target *t = NULL;

	if (!wants_pid(d->prov))
		return NULL;
	struct error *err = target_for(p->session, d->prov, &t);

	if (err)
		return err;
	for (size_t i = 0; i < st->requests.n; i++)
		if (same_request(&st->requests.items[i], t->pid, d))
			return NULL;
	g.pid = g.spot_pid = t->pid;
	snprintf(g.prov, sizeof(g.prov), "pid%d", (int)t->pid);
	err = pid_points(t->objects, d, PID_WITH_COND, give_point, &g);
	if (err && dl_option(p->session->options, DL_OPT_ZDEFS) == 1 && err->tag) {
		/* -Z: it may come with a later object. */
		error_destroy(err);
		err = NULL;
	}
	if (!err)
		err = g.err;
	if (err)
		return err;
	mark_given(t);
	return remember(st, t->pid, d);
}

/* Are the probes of pid wanted in t: the process itself, or (-x follow) a descendant? */
static bool is_meant(const struct session *s, const struct target *t, pid_t pid)
{
	bool follow = dl_option(s->options, DL_OPT_FOLLOW) == 1;

	for (; t && t->pid != pid; t = t->parent)
		if (!follow)
			return false;
	return t != NULL;
}

struct error *pid_provide_again(struct session *s, struct target *t)
{
	struct pid_provider *st = state_of(s);
	uint32_t first_new = probe_count(s->probes) + 1;
	struct error *err = NULL;

	for (size_t i = 0; i < st->requests.n && !err; i++) {
		struct request *r = &st->requests.items[i];
		struct giving g = { .provider = &s->providers[PROVIDER_PID],
				    .pid = r->pid,
				    .spot_pid = t->pid };

		if (!is_meant(s, t, r->pid))
			continue;
		snprintf(g.prov, sizeof(g.prov), "pid%d", (int)r->pid);
		for (size_t j = 0; j < objects_count(t->objects) && !err; j++) {
			struct object *o = objects_at(t->objects, j);

			if (o->generation <= t->generation)
				continue;
			err = pid_points_object(t->objects, o, &r->desc, PID_WITH_COND, give_point,
						&g);
			if (!err)
				err = g.err;
		}
	}
	mark_given(t);
	return err ? err : session_rematch(s, first_new);
}

/* Where the memory lives on without the process, sites of others share it. */
static void free_spot(struct session *s, struct pid_spot *spot, bool is_mapped)
{
	if (spot->site && is_mapped)
		site_remove(s->engine, spot->site, spot);
	spot_destroy(spot);
}

static void drop_spots(struct session *s, pid_t pid, uint64_t lo, uint64_t hi, bool is_mapped)
{
	struct pid_provider *st = state_of(s);

	for (size_t i = 0; i < st->probes.n; i++) {
		struct pid_probe *pp = st->probes.items[i];
		size_t kept = 0;

		for (size_t j = 0; j < pp->spots.n; j++) {
			struct pid_spot *spot = pp->spots.items[j];

			if (spot->pid == pid && spot->addr >= lo && spot->addr < hi)
				free_spot(s, spot, is_mapped);
			else
				pp->spots.items[kept++] = spot;
		}
		pp->spots.n = kept;
	}
}

void pid_objects_gone(struct session *s, struct target *t, uint64_t lo, uint64_t hi)
{
	drop_spots(s, t->pid, lo, hi, false);
}

void pid_target_gone(struct session *s, struct target *t)
{
	drop_spots(s, t->pid, 0, UINT64_MAX, true);
	t->generation = 0;
}

/* ---------------------------------------------------------- arguments -- */

/* The function in the source that a spot is in, which may have been inlined. */
static const char *scope_name(const struct pid_spot *spot)
{
	struct dwarf_frame frames[DWARF_FRAMES_MAX];
	unsigned n = dwarf_frames_at(spot->object->image, spot->addr - spot->object->bias, frames);

	if (n > 1 && frames[0].func)
		return frames[0].func;
	return spot->sym ? spot->sym->name : "";
}

/* The spot whose view of the arguments holds for all; *why: there is none. */
static const struct pid_spot *typical_spot(const struct pid_probe *pp, const char **why)
{
	const struct pid_spot *first = pp->spots.n ? pp->spots.items[0] : NULL;

	for (size_t i = 0; i < pp->spots.n; i++) {
		const struct pid_spot *spot = pp->spots.items[i];

		if (spot->kind == PID_INLINE)
			return spot;
		if (spot->kind == PID_LINE && strcmp(scope_name(spot), scope_name(first))) {
			*why = "the line is in several functions";
			return NULL;
		}
	}
	if (!first || !first->sym)
		*why = "the address belongs to no function";
	return first && first->sym ? first : NULL;
}

/* -v: why there are no types. */
static void tell_search(struct session *s, struct object *o)
{
	_cleanup_(freep) char *tried = dwarf_take_search(o->image);

	if (tried)
		session_message(s, "no debug information of %s in the file itself%s%s", o->name,
				*tried ? ", nor in" : "", tried);
}

/* Has the argument a value at any of the probe's points?  At entries, registers tell. */
static bool is_known_anywhere(void *arg, int map)
{
	const struct pid_probe *pp = arg;

	for (size_t i = 0; i < pp->spots.n; i++) {
		const struct dwarf_places *ps = pp->spots.items[i]->places;

		if (!ps)
			return true;
		for (unsigned k = 0; k < ps->n; k++)
			if (ps->list[k].arg == map && dwarf_place_is_known(ps, &ps->list[k]))
				return true;
	}
	return false;
}

static void args(struct provider *p, const struct probe *pr, struct dl_probe_info *ret)
{
	struct pid_probe *pp = pr->data;
	struct dl_types *ts = dl_ctx_types(p->session->ctx);
	const struct pid_spot *spot = typical_spot(pp, &ret->args_why);

	if (!spot)
		return;
	if (!pp->args) {
		pp->args = pid_args_read(ts, spot->object, spot->sym, spot->kind,
					 spot->addr - spot->object->bias, spot->inlined);
		if (pp->args)
			pid_args_refuse(pp->args, is_known_anywhere, pp,
					"the compiler optimised it out");
	}
	if (p->session->cli->verbose)
		tell_search(p->session, spot->object);
	if (pp->args)
		ret->args = pid_args_list(pp->args, &ret->n_args, &ret->args_why);
}

static const char *note(const struct probe *pr)
{
	struct pid_probe *pp = pr->data;
	unsigned n = 0;

	for (size_t i = 0; i < pp->spots.n; i++)
		n += pp->spots.items[i]->kind == PID_INLINE;
	if (!n)
		return NULL;
	snprintf(pp->note, sizeof(pp->note), "%u inlined instance%s", n, n == 1 ? "" : "s");
	return pp->note;
}

/* --------------------------------------------------------- record tier -- */

static bool is_entry(const struct pid_spot *spot)
{
	return spot->kind == PID_ENTRY || (spot->kind != PID_RETURN && spot->offset == 0);
}

/* What has no operand has no size either, and is refused where it is asked for. */
static bool find_operands(struct pid_spot *spot)
{
	const struct dwarf_places *ps = spot->places;
	struct arch_place p;

	if (spot->operands)
		return true;
	spot->operands = calloc(FIRING_ARGS, sizeof(*spot->operands));
	for (unsigned i = 0; spot->operands && i < ps->n; i++)
		if (ps->list[i].arg < FIRING_ARGS && dwarf_place_operand(ps, &ps->list[i], &p))
			spot->operands[ps->list[i].arg] = p;
	return spot->operands;
}

const char *pid_tier_spot(const struct site_user *u, struct tier_spot *ret)
{
	struct pid_spot *spot = u->arg;

	if (!spot->sym)
		return "it is in no function";
	if (spot->places && !find_operands(spot))
		return "out of memory";
	*ret = (struct tier_spot){
		.probe = spot->owner->probe,
		.object = spot->object,
		.sym = spot->sym,
		.kind = spot->kind == PID_RETURN ? ARCH_PROBE_RETURN : ARCH_PROBE_ENTRY,
		.taken_only = spot->kind == PID_RETURN && spot->flow == ARCH_FLOW_COND,
		.at_entry = is_entry(spot),
		.offset = spot->offset,
	};
	if (spot->places) {
		ret->kind = ARCH_PROBE_PLACES;
		ret->places = spot->operands;
		ret->n_places = FIRING_ARGS;
	} else if (spot->owner->args)
		ret->objects = pid_args_objects(spot->owner->args, &ret->n_objects);
	return NULL;
}

/* ------------------------------------------------------------- firing -- */

/* A conditional jump out of the function is a return only when it is taken. */
static bool is_taken(const struct pid_spot *spot, struct task *t)
{
	const struct site *site = spot->site;
	struct arch_regs *r = task_regs(t), after;

	if (!r || !site)
		return false;
	after = *r;
	if (!arch_emulate(site->orig, site->insn_len, spot->addr, &after))
		return true;
	return arch_pc(&after) != spot->addr + site->insn_len;
}

/* Objects among args[]: of a probe with several spots, as its typical one has them. */
static bool find_object(struct firing *f, unsigned i, uint64_t *ret, uint64_t *fault)
{
	const struct pid_spot *spot = f->source;
	const struct pid_args *a = spot->owner->args;
	const struct arch_where *w = a ? pid_args_object(a, i) : NULL;

	if (spot->places)
		return pid_value_placed(f, i, spot->places, ret);
	return w && pid_value_called(f, i, w, spot->kind == PID_RETURN, ret, fault);
}

static void fire_spot(struct session *s, struct task *t, const struct pid_spot *spot)
{
	struct firing f = {
		.task = t, .probe = spot->owner->probe, .object = find_object, .source = spot
	};

	if (!f.probe->epids.n)
		return;
	if (spot->kind == PID_RETURN && spot->flow == ARCH_FLOW_COND && !is_taken(spot, t))
		return;
	if (spot->kind == PID_RETURN) {
		struct arch_regs *r = task_regs(t);

		f.has_args = true;
		f.args[0] = spot->offset;
		if (r) {
			f.args[1] = arch_retval(r);
			f.args[2] = arch_retval2(r);
		}
	} else {
		f.at_entry = is_entry(spot);
		if (spot->places)
			pid_value_words(&f, spot->places);
	}
	session_fire(s, &f);
}

/* Probes at one address fire in the order they were made. */
void pid_fire(struct session *s, struct task *t, struct site *site)
{
	for (size_t i = 0; i < site->users.n; i++)
		if (!site->users.items[i].hook)
			fire_spot(s, t, site->users.items[i].arg);
}

const struct provider provider_pid = {
	.name = "pid",
	.attr = {
		.provider = { DL_ST_EVOLVING, DL_ST_EVOLVING, DL_CL_ISA },
		.module = { DL_ST_PRIVATE, DL_ST_PRIVATE, DL_CL_UNKNOWN },
		.function = { DL_ST_PRIVATE, DL_ST_PRIVATE, DL_CL_UNKNOWN },
		.name = { DL_ST_EVOLVING, DL_ST_EVOLVING, DL_CL_ISA },
		.args = { DL_ST_PRIVATE, DL_ST_PRIVATE, DL_CL_UNKNOWN },
	},
	.init = init,
	.provide = provide,
	.enable = enable,
	.args = args,
	.matches = matches,
	.note = note,
	.needs_target = true,
};
