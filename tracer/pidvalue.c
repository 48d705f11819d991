/*
 * Values of args[] that are put together from registers.
 *
 * D reads them as objects in memory: those that are there are given by their
 * address, the others are copied to the session's objects, which the firing
 * shows at FIRING_BLOB.
 */
#include "pidvalue.h"

#include <string.h>

static bool thread_reg(void *arg, unsigned n, uint64_t *ret)
{
	const struct arch_regs *r = task_regs(arg);

	return r && arch_dwarf_reg(r, n, ret);
}

static bool thread_vector(void *arg, unsigned n, uint8_t ret[16])
{
	const struct task *t = arg;

	return arch_vector_bytes(t->tid, n, ret);
}

static bool thread_read(void *arg, uint64_t addr, void *buf, size_t len)
{
	struct task *t = arg;

	return as_read(t->proc->as, addr, buf, len) == len;
}

void pid_value_words(struct firing *f, const struct dwarf_places *ps)
{
	const struct dwarf_thread thread = { f->task, thread_reg, thread_vector, thread_read };

	f->has_args = true;
	f->missing = (1u << FIRING_ARGS) - 1;
	for (unsigned i = 0; i < ps->n; i++) {
		const struct dwarf_place *p = &ps->list[i];

		if (p->arg < FIRING_ARGS && dwarf_place_value(ps, p, &thread, &f->args[p->arg]))
			f->missing &= ~(1u << p->arg);
	}
}

static uint8_t *lend(struct firing *f, unsigned i, uint64_t *ret)
{
	struct session *s = f->session;

	f->blob = s->arg_objects;
	f->blob_len = sizeof(s->arg_objects);
	s->arg_known[i] = UINT64_MAX;
	*ret = FIRING_BLOB + i * sizeof(s->arg_objects[0]);
	return s->arg_objects[i];
}

/* Word n of the arguments or of the result. */
static bool read_word(const struct firing *f, unsigned n, bool is_return, uint64_t *ret,
		      uint64_t *fault)
{
	const struct arch_regs *r = task_regs(f->task);

	if (!r)
		return false;
	if (is_return) {
		*ret = n ? arch_retval2(r) : arch_retval(r);
		return true;
	}
	if (arch_arg(r, n, ret))
		return true;
	*fault = *ret;
	return thread_read(f->task, *fault, ret, sizeof(*ret));
}

static bool read_piece(const struct firing *f, const struct arch_piece *p, bool is_return,
		       uint8_t *buf, uint64_t *fault)
{
	uint8_t vector[16];
	uint64_t word;

	switch ((enum arch_piece_kind)p->kind) {
	case ARCH_PIECE_VECTOR:
		if (p->size > sizeof(vector) || !thread_vector(f->task, p->n, vector))
			return false;
		memcpy(buf + p->at, vector, p->size);
		return true;
	case ARCH_PIECE_WORD:
		if (!read_word(f, p->n, is_return, &word, fault))
			return false;
		break;
	case ARCH_PIECE_DWARF:
		if (!thread_reg(f->task, p->n, &word))
			return false;
		break;
	}
	memcpy(buf + p->at, &word, p->size < sizeof(word) ? p->size : sizeof(word));
	return true;
}

/* Bytes that pieces have, and what is padding up to the next eight. */
static uint64_t known_pieces(const struct arch_where *w)
{
	uint64_t known = 0;

	for (unsigned i = 0; i < w->n_pieces; i++) {
		unsigned at = w->pieces[i].at, end = at + w->pieces[i].size;
		bool is_last = i + 1 == w->n_pieces || w->pieces[i + 1].at >= (end + 7) / 8 * 8;

		if (is_last)
			end = (end + 7) / 8 * 8;
		for (; at < end && at < 64; at++)
			known |= UINT64_C(1) << at;
	}
	return known;
}

bool pid_value_called(struct firing *f, unsigned i, const struct arch_where *w, bool is_return,
		      uint64_t *ret, uint64_t *fault)
{
	const struct arch_regs *r = task_regs(f->task);
	uint64_t word;
	uint8_t *buf;

	if (!r || i >= ARRAY_SIZE(f->session->arg_objects))
		return false;
	switch (w->how) {
	case ARCH_NOWHERE: return false;
	case ARCH_AT_ADDRESS: return read_word(f, w->n, is_return, ret, fault);
	case ARCH_ON_STACK: return !arch_arg(r, w->n, ret);
	case ARCH_IN_WORD:
		if (!read_word(f, w->n, is_return, &word, fault))
			return false;
		memcpy(lend(f, i, ret), &word, sizeof(word));
		return true;
	case ARCH_IN_PIECES: break;
	}
	buf = lend(f, i, ret);
	if (w->is_partial)
		f->session->arg_known[i] = known_pieces(w);
	for (unsigned k = 0; k < w->n_pieces; k++)
		if (!read_piece(f, &w->pieces[k], is_return, buf, fault))
			return false;
	return true;
}

bool pid_value_placed(struct firing *f, unsigned i, const struct dwarf_places *ps, uint64_t *ret)
{
	const struct dwarf_thread thread = { f->task, thread_reg, thread_vector, thread_read };
	struct dwarf_value v;

	for (unsigned k = 0; k < ps->n && i < ARRAY_SIZE(f->session->arg_objects); k++) {
		if (ps->list[k].arg != (int)(DL_ARG_ADDRESS + i))
			continue;
		if (!dwarf_place_object(ps, &ps->list[k], &thread, &v))
			return false;
		if (v.is_memory) {
			*ret = v.addr;
		} else {
			memcpy(lend(f, i, ret), v.bytes, sizeof(v.bytes));
			f->session->arg_known[i] = v.known;
		}
		return true;
	}
	return false;
}
