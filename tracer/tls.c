/*
 * Where a thread has its thread-local variables.
 *
 * The program's block is at a distance from the thread pointer that the ABI
 * fixes.  A library's is where the dynamic linker put it, and what it told the
 * library's own code by relocations says where: the distance from the thread
 * pointer, or a number in the thread's table of blocks.  libthread_db would
 * read the C library's private structures instead.
 *
 * Rules: a block that the thread has not touched yet may not exist: then there
 * is no address, and the load is a fault.  Everything read is the target's
 * word, nothing of it is more than looked up.
 */
#include "tls.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "../arch/record.h"
#include "dwarf_type.h"

#define BLOCKS_MAX 65536 /* objects with thread-local storage in one process */

struct tls_var {
	struct image *image; /* counted */
	uint64_t offset;
	struct image_reloc reloc; /* of a library's: what tells where its block is; or OTHER */
};

struct tls_vars {
	VEC(struct tls_var) list;
};

void tls_destroy(struct session *s)
{
	if (!s->tls_vars)
		return;
	for (size_t i = 0; i < s->tls_vars->list.n; i++)
		image_put(s->tls_vars->list.items[i].image);
	vec_deinit(&s->tls_vars->list);
	free(take_ptr(s->tls_vars));
}

/* A distance is known in all threads at once, and is what code that has one uses. */
static bool see_reloc(void *arg, const struct image_reloc *r)
{
	struct image_reloc *best = arg;

	if (r->kind == ARCH_RELOC_TLS_OFFSET ||
	    (best->kind == ARCH_RELOC_OTHER &&
	     (r->kind == ARCH_RELOC_TLS_MODULE || r->kind == ARCH_RELOC_TLS_CALL)))
		*best = *r;
	return best->kind != ARCH_RELOC_TLS_OFFSET;
}

struct error *tls_symbol(struct session *s, struct dl_types *ts, struct object *o, const char *name,
			 const struct image_thread_var *var, struct dl_symbol *ret)
{
	struct tls_var v = { .image = o->image,
			     .offset = var->offset,
			     .reloc.kind = ARCH_RELOC_OTHER };

	if (var->is_ambiguous)
		return error_format(ERR_OTHER, "several functions have a variable %s", name);
	image_relocs(o->image, see_reloc, &v.reloc);
	if (!s->tls_vars)
		s->tls_vars = calloc(1, sizeof(*s->tls_vars));
	if (!s->tls_vars || !vec_push(&s->tls_vars->list, v))
		return &error_nomem;
	image_get(o->image);
	*ret = (struct dl_symbol){
		.object = o->name,
		.name = var->name,
		.addr = s->tls_vars->list.n - 1,
		.size = var->size,
		.is_thread_local = true,
		.type = dwarf_thread_variable_type(o->image, ts, name, var->offset, var->size),
	};
	return NULL;
}

/* ---------------------------------------------------------- libraries -- */

struct search {
	struct aspace *as;
	const struct object *object;
	uint64_t tp; /* the thread pointer */
	bool is_musl;
};

static bool read_words(const struct search *q, uint64_t addr, uint64_t *ret, size_t n)
{
	return as_read(q->as, addr, ret, n * sizeof(*ret)) == n * sizeof(*ret);
}

/* A table of pointers (musl) or of pairs (glibc), with its length at or before its start. */
static uint64_t block_of(const struct search *q, uint64_t module)
{
	uint64_t table, length, block, step = q->is_musl ? 8 : 16;

	if (!module || module > BLOCKS_MAX ||
	    !read_words(q, arch_tls_table(q->tp, q->is_musl), &table, 1) ||
	    !read_words(q, table - (q->is_musl ? 0 : step), &length, 1) || module > length ||
	    !read_words(q, table + module * step, &block, 1))
		return 0;
	return block == UINT64_MAX ? 0 : block; /* not made yet */
}

/*
 * The argument of the function that finds the variable: a distance from the
 * thread pointer, or where module and offset are.  Distances are no addresses.
 */
static uint64_t block_of_call(const struct search *q, uint64_t arg, uint64_t offset)
{
	uint64_t index[2];

	if (!read_words(q, arg, index, 2))
		return q->tp + arg - offset;
	return index[0] <= BLOCKS_MAX && index[1] == offset ? block_of(q, index[0]) : 0;
}

static uint64_t library_block(const struct search *q, const struct image_reloc *r)
{
	uint64_t at = r->slot + q->object->bias, slot[2];

	switch (r->kind) {
	case ARCH_RELOC_TLS_OFFSET:
		return read_words(q, at, slot, 1) ? q->tp + slot[0] - r->offset : 0;
	case ARCH_RELOC_TLS_MODULE: return read_words(q, at, slot, 1) ? block_of(q, slot[0]) : 0;
	case ARCH_RELOC_TLS_CALL:
		return read_words(q, at, slot, 2) ? block_of_call(q, slot[1], r->offset) : 0;
	default: return 0;
	}
}

/* Said by the program's file: another one after exec. */
static bool uses_musl(const struct objects *os)
{
	const struct object *o = objects_main(os);

	return o && o->image->is_musl;
}

/* ------------------------------------------------------------ threads -- */

static const struct object *object_of(struct objects *os, const struct image *img)
{
	for (size_t i = 0; i < objects_count(os); i++)
		if (objects_at(os, i)->image == img)
			return objects_at(os, i);
	return NULL;
}

/* Who fires; of the tracer's own probes the first target's first thread. */
static struct task *task_of(const struct firing *f)
{
	const struct target *t = f->session->first_target;

	return f->task ? f->task : t ? engine_task(f->session->engine, t->pid) : NULL;
}

uint64_t tls_address(struct firing *f, uint64_t n)
{
	const struct tls_vars *vars = f->session->tls_vars;
	struct task *task = task_of(f);
	const struct arch_regs *r = task ? task_regs(task) : NULL;
	struct target *t = r ? target_of(f->session, task->proc) : NULL;
	struct objects *os = t ? target_objects(t) : NULL;
	struct search q = { 0 };
	const struct tls_var *v;
	uint64_t block;

	if (!os || !vars || n >= vars->list.n)
		return 0;
	v = &vars->list.items[n];
	q.object = object_of(os, v->image);
	q.tp = arch_thread_pointer(task->tid, r);
	if (!q.object || !q.tp)
		return 0; /* after exec; before the C library's first steps */
	q.as = task->proc->as;
	q.is_musl = !q.object->is_main && uses_musl(os);
	block = q.object->is_main ? arch_tls_program(q.tp, &v->image->tls) :
				    library_block(&q, &v->reloc);
	return block ? block + v->offset : 0;
}
