/*
 * The USDT provider: the static probes of the targets' images as probes
 * <provider><pid>:<module>:<function>:<name>.
 *
 * A probe may have several sites.  Descriptions are remembered, so that
 * objects that are opened later, and processes that are born later, get their
 * probes.  The provider part matches with the pid, as a glob, or without the pid:
 * then in all traced processes.
 *
 * A semaphore is raised by one for as long as a probe of ours that has it is
 * enabled in the process, however many sites share it, and is lowered before
 * the process is let go; so is that in a forked child's copy of the memory.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"
#include "usdt.h"

struct usdt_probe;

/* One address of a probe in one process; arg of the site's user. */
struct spot {
	struct usdt_probe *owner;
	const struct usdt_site *desc; /* lives as long as the object */
	pid_t pid;
	struct object *object;
	struct site *site; /* NULL: not planted, or gone */
	bool has_semaphore; /* counted among those raised */
	struct arch_place *places; /* owned: of the arguments; NULL: not asked for yet */
};

struct usdt_probe {
	struct session *session;
	struct probe *probe;
	const char *base; /* provider without the pid; owned */
	const char *raw_name; /* owned */
	struct object *object; /* where it was found last, for module patterns */
	unsigned n_args;
	struct dl_probe_arg args[USDT_ARGS]; /* types as the image tells them */
	char *types[2 * USDT_ARGS]; /* owned texts of args */
	struct dl_prov_attr attr;
	const struct dl_probe_arg *declared; /* by a provider in a program: these instead */
	unsigned n_declared;
	VEC(struct spot *) spots; /* owned */
};

/* A counter that we raised. */
struct semaphore {
	pid_t pid;
	uint64_t addr;
	unsigned refs; /* spots */
};

struct usdt_provider {
	VEC(struct dl_pdesc) requests; /* texts owned */
	VEC(struct usdt_probe *) probes; /* owned */
	VEC(struct semaphore) semaphores;
};

static struct usdt_provider *state_of(struct session *s)
{
	return s->usdt_provider;
}

static struct error *init(struct provider *p)
{
	p->session->usdt_provider = calloc(1, sizeof(struct usdt_provider));
	return p->session->usdt_provider ? NULL : &error_nomem;
}

static void desc_deinit(struct dl_pdesc *d)
{
	free((char *)d->prov);
	free((char *)d->mod);
	free((char *)d->func);
	free((char *)d->name);
}

static void spot_destroy(struct spot *spot)
{
	free(spot->places);
	free(spot);
}

static void probe_destroy(struct usdt_probe *up)
{
	for (size_t i = 0; i < up->spots.n; i++)
		spot_destroy(up->spots.items[i]);
	vec_deinit(&up->spots);
	for (size_t i = 0; i < ARRAY_SIZE(up->types); i++)
		free(up->types[i]);
	free((char *)up->base);
	free((char *)up->raw_name);
	free(up);
}

void usdt_provider_destroy(struct session *s)
{
	struct usdt_provider *st = state_of(s);

	if (!st)
		return;
	for (size_t i = 0; i < st->probes.n; i++)
		probe_destroy(st->probes.items[i]);
	vec_deinit(&st->probes);
	for (size_t i = 0; i < st->requests.n; i++)
		desc_deinit(&st->requests.items[i]);
	vec_deinit(&st->requests);
	vec_deinit(&st->semaphores);
	free(st);
	s->usdt_provider = NULL;
}

/* --------------------------------------------------------- semaphores -- */

static void semaphore_add(struct aspace *as, uint64_t addr, int step)
{
	uint16_t v;

	if (as_read(as, addr, &v, sizeof(v)) != sizeof(v))
		return;
	v = (uint16_t)(v + step);
	as_write(as, addr, &v, sizeof(v));
}

static struct aspace *aspace_by_pid(struct session *s, pid_t pid)
{
	struct target *t = target_by_pid(s, pid);

	return t && t->proc && !t->proc->is_dead ? t->proc->as : NULL;
}

static bool semaphore_raise(struct session *s, struct spot *spot)
{
	struct usdt_provider *st = state_of(s);
	struct aspace *as = aspace_by_pid(s, spot->pid);
	uint64_t addr = spot->desc->semaphore + spot->object->bias;

	if (!spot->desc->semaphore || spot->has_semaphore || !as)
		return true;
	spot->has_semaphore = true;
	for (size_t i = 0; i < st->semaphores.n; i++) {
		struct semaphore *sem = &st->semaphores.items[i];

		if (sem->pid == spot->pid && sem->addr == addr) {
			sem->refs++;
			return true;
		}
	}
	struct semaphore sem = { spot->pid, addr, 1 };

	if (!vec_push(&st->semaphores, sem))
		return false;
	semaphore_add(as, addr, 1);
	return engine_counter_raised(as, addr);
}

/* Those of a process whose address is in [lo, hi) are forgotten: their memory is gone. */
static void semaphores_forget(struct session *s, pid_t pid, uint64_t lo, uint64_t hi)
{
	struct usdt_provider *st = state_of(s);
	struct aspace *as = aspace_by_pid(s, pid);
	size_t kept = 0;

	if (as)
		engine_counters_forget(as, lo, hi);
	for (size_t i = 0; i < st->semaphores.n; i++) {
		struct semaphore sem = st->semaphores.items[i];

		if (sem.pid != pid || sem.addr < lo || sem.addr >= hi)
			st->semaphores.items[kept++] = sem;
	}
	st->semaphores.n = kept;
}

void usdt_release(struct session *s)
{
	struct usdt_provider *st = state_of(s);

	for (size_t i = 0; st && i < st->semaphores.n; i++) {
		struct semaphore *sem = &st->semaphores.items[i];
		struct aspace *as = aspace_by_pid(s, sem->pid);

		if (!as)
			continue;
		engine_counters_forget(as, 0, UINT64_MAX);
		semaphore_add(as, sem->addr, -1);
	}
	if (st)
		st->semaphores.n = 0;
}

void usdt_forked(struct session *s, struct aspace *copy, pid_t parent)
{
	struct usdt_provider *st = state_of(s);

	for (size_t i = 0; st && i < st->semaphores.n; i++)
		if (st->semaphores.items[i].pid == parent)
			semaphore_add(copy, st->semaphores.items[i].addr, -1);
}

/* ------------------------------------------------------------- firing -- */

static size_t load(void *arg, uint64_t addr, void *buf, size_t len)
{
	return as_read(((struct task *)arg)->proc->as, addr, buf, len);
}

static bool vector(void *arg, unsigned n, uint64_t *ret)
{
	return arch_vector_read(((struct task *)arg)->tid, n, ret);
}

/* Argument n of the call that stood at the site. */
static uint64_t call_arg(struct task *t, unsigned n)
{
	struct arch_regs *r = task_regs(t);
	uint64_t v = 0;

	if (!r || arch_call_arg(r, n, &v))
		return v;
	uint64_t addr = v;

	return as_read(t->proc->as, addr, &v, sizeof(v)) == sizeof(v) ? v : 0;
}

static void read_args(const struct spot *spot, struct task *t, uint64_t *args)
{
	const struct usdt_site *d = spot->desc;
	struct usdt_reader reader = {
		.regs = task_regs(t),
		.load = load,
		.vector = vector,
		.arg = t,
		.bias = spot->object->bias,
	};
	uint64_t bad;

	/* args[] of DOF are translated by the map; argN is the raw one. */
	for (unsigned i = 0; d->is_dof && i < FIRING_ARGS; i++)
		args[i] = call_arg(t, i);
	for (unsigned i = 0; !d->is_dof && reader.regs && i < d->n_args && i < FIRING_ARGS; i++)
		(void)usdt_arg_value(&d->args[i], &reader, &args[i], &bad);
}

static void answer_test(const struct spot *spot, struct task *t)
{
	struct arch_regs *r = task_regs(t);
	uint32_t one = 1;
	uint64_t addr;

	if (!r)
		return;
	if (spot->desc->kind == USDT_TEST_POINTER) {
		if (arch_call_arg(r, 0, &addr))
			as_write(t->proc->as, addr, &one, sizeof(one));
		return;
	}
	arch_set_retval(r, 1);
	task_regs_changed(t);
}

static void hit(void *arg, struct task *t, struct site *site)
{
	struct spot *spot = arg;
	struct usdt_probe *up = spot->owner;
	struct firing f = { .task = t, .probe = up->probe, .has_args = true };

	(void)site;
	if (!up->probe->epids.n)
		return;
	if (spot->desc->kind != USDT_SITE) {
		answer_test(spot, t);
		return;
	}
	read_args(spot, t, f.args);
	session_fire(up->session, &f);
}

/* --------------------------------------------------------- record tier -- */

static struct arch_place place_of(const struct spot *spot, const struct usdt_arg *a)
{
	struct arch_place p = { .op = a->op, .size = a->size, .is_signed = a->is_signed };

	if (!a->is_known)
		p.op = (struct arch_operand){ .kind = ARCH_OP_CONST };
	if (a->is_float)
		p.is_signed = false;
	if (p.op.symbol)
		p.op.value = (int64_t)((uint64_t)p.op.value + a->symbol_addr + spot->object->bias);
	p.op.symbol = NULL;
	return p;
}

/* Where the arguments are; NULL or why some that is asked for can't be had. */
static const char *find_places(struct spot *spot)
{
	const struct usdt_probe *up = spot->owner;
	const struct usdt_site *d = spot->desc;
	const char *why = NULL;

	if (!spot->places)
		spot->places = calloc(d->n_args + 1u, sizeof(*spot->places));
	if (!spot->places)
		return "out of memory";
	for (unsigned i = 0; i < d->n_args && !why; i++) {
		spot->places[i] = place_of(spot, &d->args[i]);
		if (session_uses_arg(up->session, up->probe, i))
			why = arch_place_refuse(&spot->places[i]);
	}
	return why;
}

const char *usdt_tier_spot(const struct site_user *u, struct tier_spot *ret)
{
	struct spot *spot = u->arg;
	const struct usdt_site *d = spot->desc;
	const struct image *img = spot->object->image;
	const char *why = NULL;

	if (d->kind != USDT_SITE)
		return "a test whether a static probe is enabled is answered by the tracer";
	*ret = (struct tier_spot){
		.probe = spot->owner->probe,
		.object = spot->object,
		.sym = image_symbol_covering(img, d->addr),
		.kind = d->is_dof ? ARCH_PROBE_CALL : ARCH_PROBE_PLACES,
	};
	if (!ret->sym)
		return "it is in no function";
	if (d->is_dof)
		return NULL;
	why = find_places(spot);
	ret->places = spot->places;
	ret->n_places = d->n_args;
	return why;
}

/* ---------------------------------------------------------- planting -- */

/* Their values are 0; the others have theirs. */
static void report_operands(struct session *s, const struct spot *spot)
{
	const struct probe *pr = spot->owner->probe;

	for (unsigned i = 0; !spot->desc->is_dof && i < spot->desc->n_args; i++)
		if (!spot->desc->args[i].is_known)
			session_message(s, "%s:%s:%s:%s: arg%u is 0: its place is not understood",
					pr->prov, pr->mod, pr->func, pr->name, i);
}

static struct error *plant(struct session *s, struct spot *spot)
{
	struct target *t = target_by_pid(s, spot->pid);
	struct site_user user = { hit, spot, true };
	uint64_t addr = spot->desc->addr + spot->object->bias;
	const uint8_t *code = NULL;

	if (spot->site || !t || !t->proc)
		return NULL;
	size_t len = object_text(spot->object, addr, &code);
	struct error *err =
		site_add(s->engine, t->proc->as, addr, len ? code : NULL, len, user, &spot->site);

	if (err && (err->code == ERR_NOMEM || err->code == ERR_GONE))
		return err;
	if (err) {
		const struct probe *pr = spot->owner->probe;

		s->n_refused++;
		s->refused_why = "see the reasons of -v";
		if (s->cli->verbose)
			session_message(s, "%s:%s:%s:%s at 0x%lx: %s", pr->prov, pr->mod, pr->func,
					pr->name, (unsigned long)addr, err->message);
		error_destroy(err);
		return NULL;
	}
	if (s->cli->verbose)
		report_operands(s, spot);
	if (!semaphore_raise(s, spot))
		return &error_nomem;
	if (s->to_plant.n && s->to_plant.items[s->to_plant.n - 1] == t->proc->as)
		return NULL;
	return vec_push(&s->to_plant, t->proc->as) ? NULL : &error_nomem;
}

static struct error *enable(struct provider *p, struct probe *pr)
{
	struct usdt_probe *up = pr->data;
	struct error *err = NULL;

	for (size_t i = 0; i < up->spots.n && !err; i++)
		err = plant(p->session, up->spots.items[i]);
	return err;
}

/* ---------------------------------------------------------- matching -- */

static bool name_matches(const char *pattern, const char *name, const char *raw)
{
	return !*pattern || dl_glob_match(pattern, name) || dl_glob_match(pattern, raw);
}

/* With its pid, by a glob, or without the pid. */
static bool provider_matches(const char *pattern, const char *base, const char *full)
{
	return !*pattern || !strcmp(pattern, base) || dl_glob_match(pattern, full);
}

static bool matches(const struct probe *pr, const struct dl_pdesc *d)
{
	const struct usdt_probe *up = pr->data;

	return provider_matches(d->prov, up->base, pr->prov) &&
	       name_matches(d->name, pr->name, up->raw_name) &&
	       (!*d->func || dl_glob_match(d->func, pr->func)) &&
	       object_matches(up->object, d->mod);
}

/* Is it a provider that no image can have? */
static bool is_ours(const char *prov)
{
	static const char *const names[] = { "dtrace", "profile", "syscall", "proc" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(prov, names[i]))
			return true;
	return !strncmp(prov, "pid", 3) && prov[3] &&
	       prov[3 + strspn(prov + 3, "0123456789")] == '\0';
}

/* ---------------------------------------------------------- providing -- */

struct giving {
	struct session *s;
	struct target *t;
	struct object *o;
	const struct dl_pdesc *d;
	struct error *err;
};

static const char *plain_type(const struct usdt_arg *a)
{
	static const char *const types[2][9] = {
		{ [1] = "uint8_t", [2] = "uint16_t", [4] = "uint32_t", [8] = "uint64_t" },
		{ [1] = "int8_t", [2] = "int16_t", [4] = "int32_t", [8] = "int64_t" },
	};

	return types[a->is_signed && !a->is_float][a->size <= 8 ? a->size : 8];
}

/* The probe's own copy: images come and go. */
static void set_type(struct usdt_probe *up, unsigned i, const char *type, const char *xlated)
{
	struct dl_probe_arg *a = &up->args[i];

	if (type && (up->types[2 * i] = strdup(type)))
		a->native = up->types[2 * i];
	if (xlated && (up->types[2 * i + 1] = strdup(xlated)))
		a->xlated = up->types[2 * i + 1];
}

/* Arguments of a note as the declaration has them, if it fits the note. */
static bool set_declared(struct usdt_probe *up, const struct usdt_site *site)
{
	const struct usdt_decl *d = site->decl;

	for (unsigned i = 0; d && i < d->n_args; i++)
		if (d->map[i] >= site->n_args)
			d = NULL;
	if (!d)
		return false;
	up->n_args = d->n_args;
	for (unsigned i = 0; i < d->n_args; i++) {
		const char *plain = plain_type(&site->args[d->map[i]]);

		up->args[i] = (struct dl_probe_arg){ .native = plain, .plain = plain };
		up->args[i].map = d->map[i];
		set_type(up, i, d->types[i], d->xlated[i]);
	}
	return true;
}

static void set_types(struct usdt_probe *up, const struct usdt_site *site)
{
	if (set_declared(up, site))
		return;
	up->n_args = site->n_args;
	for (unsigned i = 0; i < site->n_args; i++) {
		up->args[i] = (struct dl_probe_arg){ .native = "int64_t", .map = i };
		if (!site->is_dof) {
			up->args[i].native = plain_type(&site->args[i]);
			continue;
		}
		up->args[i].map = site->map[i];
		set_type(up, i, site->types[i], site->xlated[i]);
	}
}

/* A part that nothing was declared of is as for providers without declaration. */
static void declared_attr(struct dl_attr *ret, struct dl_attr a)
{
	if (a.name != DL_ST_PRIVATE || a.data != DL_ST_PRIVATE || a.class != DL_CL_UNKNOWN)
		*ret = a;
}

static void set_attrs(struct usdt_probe *up, const struct usdt_decl *d)
{
	up->attr = provider_usdt.attr;
	if (!d)
		return;
	declared_attr(&up->attr.provider, d->attr.provider);
	declared_attr(&up->attr.module, d->attr.module);
	declared_attr(&up->attr.function, d->attr.function);
	declared_attr(&up->attr.name, d->attr.name);
	declared_attr(&up->attr.args, d->attr.args);
}

static struct usdt_probe *make_probe(struct giving *g, const struct usdt_site *site,
				     const char *prov)
{
	struct session *s = g->s;
	struct probe *pr = probe_find(s->probes, prov, g->o->name, site->func, site->name);
	struct usdt_probe *up;

	if (pr)
		return pr->provider == &s->providers[PROVIDER_USDT] ? pr->data : NULL;
	up = calloc(1, sizeof(*up));
	if (!up || !vec_push(&state_of(s)->probes, up)) {
		free(up);
		return NULL;
	}
	up->session = s;
	up->base = strdup(site->provider);
	up->raw_name = strdup(site->raw_name);
	up->object = g->o;
	set_types(up, site);
	set_attrs(up, site->decl);
	up->probe = up->base && up->raw_name ? probe_add(s->probes, &s->providers[PROVIDER_USDT],
							 prov, g->o->name, site->func, site->name) :
					       NULL;
	if (!up->probe)
		return NULL;
	up->probe->data = up;
	return up;
}

static struct spot *find_spot(struct usdt_probe *up, const struct giving *g, uint64_t addr)
{
	for (size_t i = 0; i < up->spots.n; i++) {
		struct spot *spot = up->spots.items[i];

		if (spot->pid == g->t->pid && spot->desc->addr + spot->object->bias == addr)
			return spot;
	}
	return NULL;
}

static void give_probe(struct giving *g, const struct usdt_site *site, const char *prov)
{
	struct usdt_probe *up = make_probe(g, site, prov);
	struct spot *spot;

	if (!up) {
		g->err = &error_nomem;
		return;
	}
	up->object = g->o;
	if (find_spot(up, g, site->addr + g->o->bias))
		return;
	spot = calloc(1, sizeof(*spot));
	if (!spot || !vec_push(&up->spots, spot)) {
		free(spot);
		g->err = &error_nomem;
		return;
	}
	*spot = (struct spot){ .owner = up, .desc = site, .pid = g->t->pid, .object = g->o };
	if (up->probe->is_enabled)
		g->err = plant(g->s, spot);
}

/*
 * The site under the name of its own process, or else (-x follow) under that
 * of an ancestor that the description names.
 */
static void give_site(struct giving *g, const struct usdt_site *site)
{
	bool follow = dl_option(g->s->options, DL_OPT_FOLLOW) == 1;

	if (!name_matches(g->d->name, site->name, site->raw_name) ||
	    (*g->d->func && !dl_glob_match(g->d->func, site->func)))
		return;
	for (struct target *t = g->t; t; t = follow ? t->parent : NULL) {
		char prov[256];

		if (snprintf(prov, sizeof(prov), "%s%d", site->provider, (int)t->pid) >=
		    (int)sizeof(prov))
			return;
		if (!provider_matches(g->d->prov, site->provider, prov))
			continue;
		give_probe(g, site, prov);
		return;
	}
}

static struct error *give_object(struct session *s, struct target *t, struct object *o,
				 const struct dl_pdesc *d)
{
	struct giving g = { s, t, o, d, NULL };
	size_t n;
	const struct usdt_site *sites = usdt_sites(o->image, &n);

	if (!n || !object_matches(o, d->mod))
		return NULL;
	for (size_t i = 0; i < n && !g.err; i++)
		give_site(&g, &sites[i]);
	return g.err;
}

static struct error *remember(struct usdt_provider *st, const struct dl_pdesc *d, bool *is_new)
{
	struct dl_pdesc copy;

	for (size_t i = 0; i < st->requests.n; i++) {
		const struct dl_pdesc *r = &st->requests.items[i];

		if (!strcmp(r->prov, d->prov) && !strcmp(r->mod, d->mod) &&
		    !strcmp(r->func, d->func) && !strcmp(r->name, d->name)) {
			*is_new = false;
			return NULL;
		}
	}
	*is_new = true;
	copy = (struct dl_pdesc){ strdup(d->prov), strdup(d->mod), strdup(d->func), strdup(d->name),
				  0 };
	if (copy.prov && copy.mod && copy.func && copy.name && vec_push(&st->requests, copy))
		return NULL;
	desc_deinit(&copy);
	return &error_nomem;
}

/* All objects up to this generation have been looked at. */
static unsigned newest(const struct objects *os)
{
	unsigned max = 0;

	for (size_t i = 0; i < objects_count(os); i++)
		if (objects_at(os, i)->generation > max)
			max = objects_at(os, i)->generation;
	return max;
}

/* Descriptions without a provider ask for static probes only if processes are looked at. */
static struct error *provide(struct provider *p, const struct dl_pdesc *d)
{
	struct session *s = p->session;
	bool is_new;

	if (is_ours(d->prov) || (!*d->prov && (!s->wants_objects || !*d->name)))
		return NULL;
	struct error *err = remember(state_of(s), d, &is_new);

	for (struct target *t = s->targets; t && is_new && !err; t = t->next) {
		struct objects *os = t->proc ? target_objects(t) : NULL;

		for (size_t i = 0; os && i < objects_count(os) && !err; i++)
			err = give_object(s, t, objects_at(os, i), d);
		if (os)
			t->usdt_generation = newest(os);
	}
	return err;
}

struct error *usdt_provide_everything(struct session *s)
{
	const struct dl_pdesc any = { .prov = "*", .mod = "", .func = "", .name = "" };

	return provide(&s->providers[PROVIDER_USDT], &any);
}

bool usdt_is_wanted(const struct session *s)
{
	const struct usdt_provider *st = s->usdt_provider;

	return st && st->requests.n;
}

struct error *usdt_provide_again(struct session *s, struct target *t)
{
	struct usdt_provider *st = state_of(s);
	uint32_t first_new = probe_count(s->probes) + 1;
	struct error *err = NULL;

	for (size_t i = 0; i < objects_count(t->objects) && !err; i++) {
		struct object *o = objects_at(t->objects, i);

		if (o->generation <= t->usdt_generation)
			continue;
		for (size_t j = 0; j < st->requests.n && !err; j++)
			err = give_object(s, t, o, &st->requests.items[j]);
	}
	t->usdt_generation = newest(t->objects);
	return err ? err : session_rematch(s, first_new);
}

/* Where the memory lives on without the process, sites of others share it. */
static void free_spot(struct session *s, struct spot *spot, bool is_mapped)
{
	if (spot->site && is_mapped)
		site_remove(s->engine, spot->site, spot);
	spot_destroy(spot);
}

static void drop_spots(struct session *s, pid_t pid, uint64_t lo, uint64_t hi, bool is_mapped)
{
	struct usdt_provider *st = state_of(s);

	for (size_t i = 0; st && i < st->probes.n; i++) {
		struct usdt_probe *up = st->probes.items[i];
		size_t kept = 0;

		for (size_t j = 0; j < up->spots.n; j++) {
			struct spot *spot = up->spots.items[j];
			uint64_t addr = spot->desc->addr + spot->object->bias;

			if (spot->pid == pid && addr >= lo && addr < hi)
				free_spot(s, spot, is_mapped);
			else
				up->spots.items[kept++] = spot;
		}
		up->spots.n = kept;
	}
	if (st)
		semaphores_forget(s, pid, lo, hi);
}

void usdt_objects_gone(struct session *s, struct target *t, uint64_t lo, uint64_t hi)
{
	drop_spots(s, t->pid, lo, hi, false);
}

void usdt_target_gone(struct session *s, struct target *t)
{
	drop_spots(s, t->pid, 0, UINT64_MAX, true);
	t->usdt_generation = 0;
}

/* ---------------------------------------------------------- arguments -- */

/* A provider declared in a program says what the arguments mean. */
static void args(struct provider *p, const struct probe *pr, struct dl_probe_info *ret)
{
	struct usdt_probe *up = pr->data;

	if (!up->declared)
		dl_ctx_provider_args(p->session->ctx, up->base, pr->name, &up->declared,
				     &up->n_declared);
	if (!dl_ctx_provider_attr(p->session->ctx, up->base, &ret->attr))
		ret->attr = up->attr;
	ret->args = up->declared ? up->declared : up->args;
	ret->n_args = up->declared ? up->n_declared : up->n_args;
}

/*
 * The first four are those of a provider without declaration.  The arguments
 * are as stable as the note that describes them, so that args[] may be used
 * with globs.
 */
const struct provider provider_usdt = {
	.name = "usdt",
	.attr = {
		.provider = { DL_ST_PRIVATE, DL_ST_PRIVATE, DL_CL_UNKNOWN },
		.module = { DL_ST_PRIVATE, DL_ST_PRIVATE, DL_CL_UNKNOWN },
		.function = { DL_ST_PRIVATE, DL_ST_PRIVATE, DL_CL_UNKNOWN },
		.name = { DL_ST_PRIVATE, DL_ST_PRIVATE, DL_CL_UNKNOWN },
		.args = { DL_ST_EVOLVING, DL_ST_EVOLVING, DL_CL_ISA },
	},
	.init = init,
	.provide = provide,
	.enable = enable,
	.args = args,
	.matches = matches,
	.needs_target = true,
};
