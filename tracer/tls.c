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

struct error *tls_symbol(struct session *s, struct dl_types *ts, struct object *o, const char *name,
			 const struct image_thread_var *var, struct dl_symbol *ret)
{
	struct tls_var v = { .image = o->image, .offset = var->offset };

	if (var->is_ambiguous)
		return error_format(ERR_OTHER, "several functions have a variable %s", name);
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
	uint64_t block; /* 0 not found */
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

static bool see_reloc(void *arg, const struct image_reloc *r)
{
	struct search *q = arg;
	uint64_t slot[2];

	if (r->kind != ARCH_RELOC_TLS_MODULE && r->kind != ARCH_RELOC_TLS_OFFSET &&
	    r->kind != ARCH_RELOC_TLS_CALL)
		return true;
	if (!read_words(q, r->slot + q->object->bias, slot, 2))
		return true;
	if (r->kind == ARCH_RELOC_TLS_MODULE)
		q->block = block_of(q, slot[0]);
	else if (r->kind == ARCH_RELOC_TLS_OFFSET)
		q->block = q->tp + slot[0] - r->offset;
	else
		q->block = block_of_call(q, slot[1], r->offset);
	return !q->block;
}

static bool uses_musl(struct objects *os)
{
	const struct object *o = objects_main(os);
	struct image_section interp;

	return o && image_section(o->image, ".interp", &interp) && interp.data &&
	       memmem(interp.data, interp.size, "ld-musl", 7);
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

	if (!os || !vars || n >= vars->list.n)
		return 0;
	q.object = object_of(os, vars->list.items[n].image);
	q.tp = arch_thread_pointer(task->tid, r);
	if (!q.object || !q.tp)
		return 0; /* after exec; before the C library's first steps */
	q.as = task->proc->as;
	if (q.object->is_main) {
		q.block = arch_tls_program(q.tp, &q.object->image->tls);
	} else {
		q.is_musl = uses_musl(os);
		image_relocs(q.object->image, see_reloc, &q);
	}
	return q.block ? q.block + vars->list.items[n].offset : 0;
}
