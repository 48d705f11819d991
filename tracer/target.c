/*
 * What the session keeps of each traced process: its objects and stacks, and
 * the hook on the dynamic linker that tells of dlopen() and dlclose().
 *
 * A target outlives its process: addresses recorded before the end must still
 * get their names when they are printed.
 */
#include <stdlib.h>
#include <string.h>

#include "session.h"

struct target *target_of(struct session *s, struct process *p)
{
	struct target *t = p->session_data;

	if (t)
		return t;
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->proc = p;
	t->pid = p->pid;
	t->raw_names = dl_option(s->options, DL_OPT_NODEMANGLE) == 1;
	t->next = s->targets;
	s->targets = t;
	p->session_data = t;
	return t;
}

struct target *target_by_pid(struct session *s, pid_t pid)
{
	struct target *dead = NULL;

	for (struct target *t = s->targets; t; t = t->next) {
		if (t->pid != pid)
			continue;
		if (t->proc)
			return t;
		if (!dead)
			dead = t;
	}
	return dead;
}

static size_t read_target(void *arg, uint64_t addr, void *buf, size_t len)
{
	struct target *t = arg;

	return t->proc ? as_read(t->proc->as, addr, buf, len) : 0;
}

struct objects *target_objects(struct target *t)
{
	bool changed;

	if (t->objects || !t->proc)
		return t->objects;
	t->objects = objects_create(t->pid);
	if (!t->objects)
		return NULL;
	objects_set_reader(t->objects, read_target, t);
	objects_set_raw_names(t->objects, t->raw_names);
	struct error *err = objects_refresh(t->objects, &changed, NULL, NULL);

	if (err) {
		error_destroy(err);
		objects_destroy(t->objects);
		t->objects = NULL;
		return NULL;
	}
	t->unwinder = unwinder_create(t->proc, t->objects);
	return t->objects;
}

void target_destroy(struct target *t)
{
	if (!t)
		return;
	unwinder_destroy(t->unwinder);
	objects_destroy(t->objects);
	free(t->name);
	free(t);
}

/*
 * The process is gone.  Kept only if addresses in it may have to be named: a
 * session sees any number of processes come and go.
 */
void target_ended(struct session *s, struct target *t)
{
	struct target **link = &s->targets;

	unwinder_destroy(t->unwinder);
	t->unwinder = NULL;
	t->link_site = NULL;
	t->proc = NULL;
	if (t->objects || t->is_named || t == s->first_target)
		return;
	while (*link && *link != t)
		link = &(*link)->next;
	if (*link)
		*link = t->next;
	for (struct target *o = s->targets; o; o = o->next)
		if (o->parent == t)
			o->parent = t->parent;
	target_destroy(t);
}

void targets_let_go(struct session *s)
{
	if (!s->engine)
		return;
	engine_detach_all(s->engine, true);
	/* The killed ones are gone without a word. */
	for (struct target *t = s->targets; t; t = t->next)
		if (t->proc && engine_process(s->engine, t->pid) != t->proc)
			t->proc = NULL;
}

struct refresh {
	struct session *s;
	struct target *t;
};

static void object_gone(void *arg, struct object *o)
{
	struct refresh *r = arg;

	pid_objects_gone(r->s, r->t, o->lo, o->hi);
	usdt_objects_gone(r->s, r->t, o->lo, o->hi);
	if (r->t->proc)
		site_forget_range(r->s->engine, r->t->proc->as, o->lo, o->hi);
}

struct error *target_provide(struct session *s, struct target *t)
{
	struct error *err = pid_provide_again(s, t);

	return err ? err : usdt_provide_again(s, t);
}

struct error *target_refresh(struct session *s, struct target *t)
{
	struct refresh r = { s, t };
	bool changed = false;
	struct error *err;

	if (!target_objects(t))
		return NULL;
	err = objects_refresh(t->objects, &changed, object_gone, &r);
	if (err || !changed)
		return err;
	if (t->unwinder)
		unwinder_invalidate(t->unwinder);
	return target_provide(s, t);
}

/* The dynamic linker is about to change, or has changed, its list. */
static void linker_hook(void *arg, struct task *task, struct site *site)
{
	struct session *s = arg;
	struct target *t = target_of(s, task->proc);

	(void)site;
	if (!t)
		return;
	struct error *err = target_refresh(s, t);

	if (!err)
		err = session_plant(s);
	if (err && !s->failure)
		s->failure = err;
	else
		error_destroy(err);
}

struct error *target_watch_linker(struct session *s, struct target *t)
{
	struct site_user user = { .hook = linker_hook, .arg = s };
	struct objects *os = target_objects(t);
	uint64_t brk;

	if (!os || t->link_site || !(brk = objects_link_brk(os)))
		return NULL;
	struct error *err = site_add(s->engine, t->proc->as, brk, NULL, 0, user, &t->link_site);

	if (err) {
		/* Static programs and odd linkers: no dlopen to follow. */
		error_destroy(err);
		return NULL;
	}
	return vec_push(&s->to_plant, t->proc->as) ? NULL : &error_nomem;
}

struct error *session_plant(struct session *s)
{
	for (size_t i = 0; i < s->to_plant.n; i++) {
		struct aspace *as = s->to_plant.items[i];
		const char *why = NULL;
		unsigned refused = 0;
		bool seen = false;

		for (size_t j = 0; j < i && !seen; j++)
			seen = s->to_plant.items[j] == as;
		if (seen)
			continue;
		struct error *err = site_plant(s->engine, as, &refused, &why);

		if (err)
			return err;
		s->n_refused += refused;
		if (why)
			s->refused_why = why;
	}
	s->to_plant.n = 0;
	return NULL;
}
