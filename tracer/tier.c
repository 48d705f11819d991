/*
 * Which sites go to the record tier, and what their trampolines do.
 *
 * A site goes there if all clauses of all its probes can run there, and its
 * function's code lets it be patched.  Whatever is doubtful stays a breakpoint:
 * the answer is the same, only slower.  The reasons are counted for -v.
 *
 *	clause	may it, how large is its record, has it a cell (once per enabling)
 *	group	the sites of one function, planned one after the other
 *	patch	the sites that one patch displaces: firings of one trampoline
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tier.h"
#include "usdt.h"

#define TABLES_LARGE (UINT32_C(256) << 10) /* bytes of cells, until which tables are large */
#define TABLES_MAX (UINT32_C(1) << 20)
#define AFTER_MAX 64u /* padding behind a function is rarely more */

struct tier *tier_of(struct session *s)
{
	if (!s->tier)
		s->tier = calloc(1, sizeof(*s->tier));
	return s->tier;
}

static void report_deinit(struct tier_report *r)
{
	for (size_t i = 0; i < r->reasons.n; i++)
		free(r->reasons.items[i].text);
	vec_deinit(&r->reasons);
}

void tier_destroy(struct session *s)
{
	struct tier *t = s->tier;

	if (!t)
		return;
	for (size_t i = 0; i < t->clauses.n; i++) {
		if (t->clauses.items[i])
			dl_near_aggs_deinit(&t->clauses.items[i]->near_aggs);
		free(t->clauses.items[i]);
	}
	for (size_t i = 0; i < t->ranges.n; i++)
		free(t->ranges.items[i]);
	vec_deinit(&t->ranges);
	vec_deinit(&t->clauses);
	report_deinit(&t->sites);
	report_deinit(&t->calls);
	tier_self_destroy(t->self);
	free(t);
	s->tier = NULL;
}

void tier_count(struct tier_report *t, const char *why, unsigned n)
{
	struct reason r = { NULL, n };

	t->n_stop += n;
	for (size_t i = 0; i < t->reasons.n; i++) {
		if (strcmp(t->reasons.items[i].text, why))
			continue;
		t->reasons.items[i].n += n;
		return;
	}
	r.text = strdup(why);
	if (!r.text || !vec_push(&t->reasons, r))
		free(r.text);
}

static int by_count(const void *a, const void *b)
{
	const struct reason *x = a, *y = b;

	return x->n < y->n ? 1 : -(x->n > y->n);
}

static void report(const struct session *s, struct tier_report *t, const char *what)
{
	if (!(t->n_record + t->n_stop))
		return;
	fprintf(stderr, "%s: %u %s%s recorded without a stop, %u stop%s\n", s->cli->progname,
		t->n_record, what, t->n_record == 1 ? "" : "s", t->n_stop,
		t->n_stop == 1 ? "s" : "");
	qsort(t->reasons.items, t->reasons.n, sizeof(t->reasons.items[0]), by_count);
	for (size_t i = 0; i < t->reasons.n; i++)
		fprintf(stderr, "\t%u: %s\n", t->reasons.items[i].n, t->reasons.items[i].text);
}

void tier_report(const struct session *s)
{
	if (s->tier)
		report(s, &s->tier->sites, "probe site");
}

void tier_report_calls(const struct session *s)
{
	if (s->tier)
		report(s, &s->tier->calls, "hot system call");
}

void tier_report_end(const struct session *s)
{
	uint64_t n = engine_stats(s->engine)->stack_stops;
	uint64_t n_back = engine_stats(s->engine)->patches_given_up;

	if (n_back)
		fprintf(stderr, "%s: %lu recorded site%s became %s: code jumps to what follows\n",
			s->cli->progname, (unsigned long)n_back, n_back == 1 ? "" : "s",
			n_back == 1 ? "a breakpoint" : "breakpoints");
	if (n)
		fprintf(stderr, "%s: %lu hit%s of these stopped, to have the stack walked\n",
			s->cli->progname, (unsigned long)n, n == 1 ? "" : "s");
}

/* ------------------------------------------------------------- clauses -- */

/* Values that a reset must not bring back can't be told from cells' highest or lowest. */
static void scan_programs(struct session *s, struct tier *t)
{
	t->is_scanned = true;
	for (size_t i = 0; i < s->programs.n; i++) {
		const struct dl_program *p = s->programs.items[i].program;

		for (uint32_t j = 0; p && j < p->n_clauses; j++)
			for (uint32_t k = 0; k < p->clauses[j].n_actions; k++)
				if (p->clauses[j].actions[k].kind == DL_ACT_CLEAR ||
				    p->clauses[j].actions[k].kind == DL_ACT_TRUNC)
					t->resets = true;
	}
}

static bool cell_kind(const struct tier *t, enum dl_aggfunc f, enum arch_agg_kind *ret)
{
	switch (f) {
	case DL_AGG_COUNT: *ret = ARCH_AGG_COUNT; return true;
	case DL_AGG_SUM: *ret = ARCH_AGG_SUM; return true;
	case DL_AGG_AVG: *ret = ARCH_AGG_AVG; return true;
	case DL_AGG_MIN: *ret = ARCH_AGG_MIN; return !t->resets;
	case DL_AGG_MAX: *ret = ARCH_AGG_MAX; return !t->resets;
	case DL_AGG_QUANTIZE: *ret = ARCH_AGG_QUANTIZE; return true;
	case DL_AGG_LQUANTIZE: *ret = ARCH_AGG_LQUANTIZE; return true;
	case DL_AGG_STDDEV: *ret = ARCH_AGG_STDDEV; return true;
	case DL_AGG_LLQUANTIZE: *ret = ARCH_AGG_LLQUANTIZE; return true;
	default: return false;
	}
}

/*
 * A value that can't be computed leaves the clause's record to far, which
 * would aggregate all its values anew: with several there must be no such.
 */
static bool may_fault(const struct dl_near_aggs *as)
{
	for (uint32_t k = 0; k < as->n; k++) {
		const struct dl_code *code = &as->list[k].code;

		for (uint32_t pc = 0; pc < code->n; pc++)
			if (code->insns[pc].op == DL_OP_NLD ||
			    (code->insns[pc].op == DL_OP_NARG &&
			     (unsigned)code->insns[pc].imm >= arch_reg_args()))
				return true;
	}
	return false;
}

/* Tables take memory of every thread: as these add up they get smaller, and none at last. */
static uint8_t table_bits(const struct session *s)
{
	uint32_t size = engine_cells_size(s->engine);

	return size < TABLES_LARGE ? 11 : size < TABLES_MAX ? 7 : 0;
}

static bool give_ranges(struct tier *t, uint64_t param, struct arch_agg *ret)
{
	struct dl_llquantize_range list[ARCH_RANGES_MAX];
	uint32_t n = dl_llquantize_ranges(param, list, ARCH_RANGES_MAX);
	struct arch_agg_range *ranges = calloc(n + 1, sizeof(*ranges));

	if (!n || !ranges || !vec_push(&t->ranges, ranges)) {
		free(ranges);
		return false;
	}
	for (uint32_t i = 0; i < n; i++)
		ranges[i] = (struct arch_agg_range){ list[i].lower, list[i].width, list[i].first };
	ret->ranges = ranges;
	ret->n_ranges = n;
	ret->param = dl_agg_words(DL_AGG_LLQUANTIZE, param);
	return true;
}

static bool names_thread(const struct dl_clause *c)
{
	for (uint32_t pc = 0; pc < c->far.n; pc++)
		if (c->far.insns[pc].op == DL_OP_BVAR && c->far.insns[pc].imm == DL_BV_EXECNAME)
			return true;
	return false;
}

static bool give_cell(struct session *s, struct tier *t, uint32_t epid, uint32_t index,
		      const struct dl_near_agg *a, enum arch_agg_kind kind, struct arch_agg *ret)
{
	struct dl_cell cell = { .epid = epid,
				.index = index,
				.key_slot = a->has_key ? a->key_slot : -1 };

	*ret = (struct arch_agg){
		.kind = kind,
		.param = a->desc->param,
		.increment = a->increment,
		.code = a->code.n ? &a->code : NULL,
		.value_reg = a->value_reg,
		.key_reg = a->key_reg,
	};
	if (kind == ARCH_AGG_LLQUANTIZE && !give_ranges(t, a->desc->param, ret))
		return false;
	if (a->has_key) {
		ret->key_bits = table_bits(s);
		if (!ret->key_bits)
			return false;
	}
	if (names_thread(dl_state_enabling(s->state, epid)->clause))
		engine_watch_names(s->engine);
	ret->cell = engine_cell_add(s->engine, ret, &cell);
	return ret->cell != 0;
}

/* Cells of a clause with near variables, all or none: what it needs there must be. */
static void give_plan(struct session *s, struct tier *t, const struct dl_enabling *e,
		      struct tier_clause *c)
{
	for (uint32_t k = 0; k < c->plan->n_aggs; k++) {
		struct dl_near_agg a = { .desc = c->plan->aggs[k].desc,
					 .increment = c->plan->aggs[k].increment };
		enum arch_agg_kind kind;

		if (!cell_kind(t, a.desc->func, &kind) ||
		    !give_cell(s, t, e->epid, k, &a, kind, &c->aggs[k]))
			c->why = "there is no room for its cells";
	}
	for (uint32_t pc = 0; pc < c->plan->clause.near.n; pc++)
		if (c->plan->clause.near.insns[pc].op == DL_OP_NTIME)
			engine_want_clock(s->engine);
	c->n_cells = c->plan->n_aggs;
	dl_state_set_near(s->state, e->epid, &c->plan->clause);
}

static void give_cells(struct session *s, struct tier *t, const struct dl_enabling *e,
		       struct tier_clause *c)
{
	if (c->plan) {
		give_plan(s, t, e, c);
		return;
	}
	struct dl_near_aggs *as = &c->near_aggs;
	enum arch_agg_kind kinds[NEAR_AGGS_MAX] = { 0 };
	uint32_t n_aggs;
	const struct dl_aggdesc *const *aggs = dl_ctx_aggs(s->ctx, &n_aggs);

	if (dl_option(s->options, DL_OPT_AGGPERCPU) == 1 || stack_is_wanted(s, e->clause) ||
	    !dl_near_aggs_find(e->clause, aggs, n_aggs, as) || (as->n > 1 && may_fault(as)))
		return;
	for (uint32_t k = 0; k < as->n; k++)
		if (!cell_kind(t, as->list[k].desc->func, &kinds[k]))
			return;
	for (uint32_t k = 0; k < as->n; k++)
		if (!give_cell(s, t, e->epid, k, &as->list[k], kinds[k], &c->aggs[k]))
			return;
	c->n_cells = as->n;
}

struct tier_clause *tier_clause_of(struct session *s, struct tier *t, uint32_t epid)
{
	const struct dl_enabling *e = dl_state_enabling(s->state, epid);
	struct tier_clause *c;

	if (!t->is_scanned)
		scan_programs(s, t);
	while (t->clauses.n <= epid)
		if (!vec_push(&t->clauses, NULL))
			return NULL;
	if (t->clauses.items[epid] || !e)
		return t->clauses.items[epid];
	c = t->clauses.items[epid] = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->why = tier_judge_clause(s, e->clause, &c->cap);
	if (!c->why && !strcmp(e->probe.prov, provider_syscall.name) &&
	    !tier_is_of_calls(e->clause))
		c->why = "its description means several providers";
	c->plan = tier_self_plan(t->self, e->clause);
	if (!c->why && c->plan)
		c->why = tier_judge_clause(s, &c->plan->clause, &c->cap);
	return c;
}

/* ---------------------------------------------------------- candidates -- */

static const char *tier_spot(const struct site_user *u, struct tier_spot *ret)
{
	if (u->is_probe)
		return usdt_tier_spot(u, ret);
	return u->hook ? "the tracer itself stops there" : pid_tier_spot(u, ret);
}

static uint32_t stack_room(const struct session *s, const struct dl_clause *c)
{
	return stack_is_wanted(s, c) ? ARCH_STACK_ROOM(STACK_MAX) : 0;
}

/* Can the site's trampoline have the arguments that the clause asks for? */
static const char *refuse_args(const struct tier_spot *spot, const struct dl_code *near)
{
	const struct arch_tramp_firing f = { .kind = spot->kind,
					     .objects = spot->objects,
					     .n_objects = spot->n_objects };

	for (uint32_t pc = 0; pc < near->n; pc++) {
		const struct dl_insn *i = &near->insns[pc];
		const char *why = i->op == DL_OP_NARG && (uint32_t)i->imm < spot->n_places ?
					  arch_place_refuse(&spot->places[i->imm]) :
					  NULL;

		if (why)
			return why;
	}
	return arch_objects_refuse(&f, near);
}

static const char *judge_user(struct promotion *p, struct candidate *c, const struct site_user *u)
{
	struct tier_spot spot;
	const char *why = tier_spot(u, &spot);

	if (why)
		return why;
	c->object = spot.object;
	c->sym = spot.sym;
	for (size_t i = 0; i < spot.probe->epids.n; i++) {
		uint32_t epid = spot.probe->epids.items[i];
		const struct tier_clause *tc = tier_clause_of(p->s, p->tier, epid);
		const struct dl_enabling *e = dl_state_enabling(p->s->state, epid);

		if (!tc || !e)
			return "out of memory";
		if (tc->why)
			return tc->why;
		why = refuse_args(&spot, &e->clause->near);
		if (!why && tc->plan)
			why = refuse_args(&spot, &tc->plan->clause.near);
		if (why)
			return why;
		if (tc->cap + stack_room(p->s, e->clause) > p->need)
			p->need = tc->cap + stack_room(p->s, e->clause);
	}
	return NULL;
}

static void see_site(void *arg, struct site *site)
{
	struct promotion *p = arg;
	struct candidate c = { .site = site };

	for (size_t i = 0; i < site->users.n && !c.why; i++)
		c.why = judge_user(p, &c, &site->users.items[i]);
	for (size_t i = 0; i < site->users.n; i++)
		c.is_own |= site->users.items[i].hook && !site->users.items[i].is_probe;
	if (!vec_push(&p->list, c))
		p->is_short = true;
}

static struct candidate *find_candidate(struct promotion *p, uint64_t addr)
{
	size_t lo = 0, hi = p->list.n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (p->list.items[mid].site->addr < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < p->list.n && p->list.items[lo].site->addr == addr ? &p->list.items[lo] : NULL;
}

/* ----------------------------------------------------------- functions -- */

static bool keep_add(struct promotion *p, struct arch_span span)
{
	size_t at = p->keep.n;

	if (!vec_push(&p->keep, span))
		return false;
	for (; at && p->keep.items[at - 1].lo > span.lo; at--)
		p->keep.items[at] = p->keep.items[at - 1];
	p->keep.items[at] = span;
	p->func.keep = p->keep.items;
	p->func.n_keep = p->keep.n;
	return true;
}

/* Breakpoints that stay, and patches that are there. */
static bool find_keeps(struct promotion *p)
{
	uint64_t lo = p->func.addr, hi = lo + p->func.len + p->func.after;
	struct arch_span span;

	p->keep.n = 0;
	for (size_t i = 0; engine_record_span(p->as, lo, hi, i, &span); i++)
		if (!keep_add(p, span))
			return false;
	for (struct site *s = site_next(p->as, lo); s && s->addr < hi;
	     s = site_next(p->as, s->addr + 1)) {
		const struct candidate *c = find_candidate(p, s->addr);

		if (s->tier == SITE_RECORD || (c && !c->why))
			continue;
		if (!keep_add(p, (struct arch_span){ s->addr, s->addr + 1 }))
			return false;
	}
	return true;
}

/*
 * Restartable sequences (rseq) keep their code: a thread in a trampoline is
 * outside of its sequence, the kernel would take it for left, and nothing would
 * protect the rest.  The four bytes before the place where a sequence that was
 * interrupted goes on are the kernel's.  NULL, or why it can't be told.
 */
static const char *keep_sequences(struct promotion *p, const struct object *o)
{
	uint64_t lo = p->func.addr, hi = lo + p->func.len + p->func.after;
	uint64_t cs[4]; /* version and flags, start, length, where to go on */
	struct image_section s;

	if (!image_section(o->image, "__rseq_cs", &s))
		return NULL;
	for (uint64_t at = 0; at + sizeof(cs) <= s.size; at += sizeof(cs)) {
		if (as_read(p->as, s.addr + o->bias + at, cs, sizeof(cs)) != sizeof(cs) ||
		    cs[1] < o->lo || cs[1] >= o->hi || cs[2] > o->hi - cs[1] || cs[3] < o->lo)
			return "where its object's restartable sequences are is not known";
		if (cs[1] < hi && cs[1] + cs[2] > lo &&
		    !keep_add(p, (struct arch_span){ cs[1], cs[1] + cs[2] }))
			return "out of memory";
		if (cs[3] - 4 < hi && cs[3] > lo &&
		    !keep_add(p, (struct arch_span){ cs[3] - 4, cs[3] }))
			return "out of memory";
	}
	return NULL;
}

/* Other symbols inside the function; bytes behind it that belong to none. */
static bool find_neighbours(struct promotion *p, const struct object *o, const struct sym *sym,
			    size_t avail)
{
	uint64_t end = sym->addr + sym->size, after = AFTER_MAX;
	const struct sym *next = sym;

	p->targets.n = 0;
	while ((next = image_symbol_next(o->image, next)) != NULL && next->addr < end)
		if (next->addr > sym->addr && !vec_push(&p->targets, next->addr + o->bias))
			return false;
	if (next && next->addr - end < after)
		after = next->addr - end;
	if (after > avail - sym->size)
		after = avail - sym->size;
	p->func.after = after;
	p->func.targets = p->targets.items;
	p->func.n_targets = p->targets.n;
	return true;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Sites of static probes look like filler. */
static bool find_live(struct promotion *p, const struct object *o, const struct sym *sym)
{
	size_t n;
	const struct usdt_site *sites = usdt_sites(o->image, &n);

	p->live.n = 0;
	for (size_t i = 0; i < n; i++)
		if (sites[i].addr - sym->addr < sym->size &&
		    !vec_push(&p->live, sites[i].addr + o->bias))
			return false;
	if (p->live.n)
		qsort(p->live.items, p->live.n, sizeof(p->live.items[0]), by_value);
	p->func.live = p->live.items;
	p->func.n_live = p->live.n;
	return true;
}

const char *tier_function(struct promotion *p, struct object *object, const struct sym *sym,
			  uint64_t addr)
{
	size_t avail;

	if (p->sym == sym && p->func.code && addr - p->func.addr < p->func.len)
		return NULL;
	arch_func_deinit(&p->func);
	memset(&p->func, 0, sizeof(p->func));
	p->sym = sym;
	p->func.addr = sym->addr + object->bias;
	p->func.len = sym->size;
	avail = object_text(object, p->func.addr, &p->func.code);
	if (avail < sym->size || addr - p->func.addr >= p->func.len) {
		p->func.code = NULL;
		return "its function's code is not at hand";
	}
	if (!find_neighbours(p, object, sym, avail) || !find_live(p, object, sym) ||
	    !arch_func_scan(&p->func) || !find_keeps(p))
		return "out of memory";
	const char *why = keep_sequences(p, object);

	if (why)
		p->func.code = NULL; /* looked at again for the next site */
	return why;
}

/* ------------------------------------------------------------- patches -- */

/* The firings of one patch, in order. */
struct bundle {
	struct site *sites[ARCH_DISPLACED_MAX + 1];
	struct candidate *members[ARCH_DISPLACED_MAX + 1];
	size_t n_sites;
	VEC(struct arch_tramp_firing) firings;
	VEC(struct arch_tramp_clause *) clauses; /* owned, one list a firing */
};

static void bundle_deinit(struct bundle *b)
{
	for (size_t i = 0; i < b->clauses.n; i++)
		free(b->clauses.items[i]);
	vec_deinit(&b->clauses);
	vec_deinit(&b->firings);
}

static struct arch_tramp_clause planned_clause(const struct promotion *p,
					       const struct tier_clause *tc, uint32_t epid)
{
	struct arch_tramp_clause c = {
		.code = &tc->plan->clause.near,
		.epid = epid,
		.n_slots = tc->plan->clause.n_slots,
		.strsize = p->s->strsize,
		.cap = tc->cap,
		.aggs = tc->aggs,
		.n_aggs = tc->n_cells,
		.is_bare = !tc->plan->has_record,
	};
	const struct dl_clause *clause = dl_state_enabling(p->s->state, epid)->clause;

	if (!c.is_bare && stack_is_wanted(p->s, clause))
		c.stack_max = STACK_MAX;

	c.words = tier_self_words(p->tier->self, &c.n_words);
	return c;
}

struct arch_tramp_clause *tier_clauses(struct promotion *p, const struct probe *pr, uint32_t *n_ret)
{
	struct arch_tramp_clause *list = calloc(pr->epids.n * NEAR_AGGS_MAX + 1, sizeof(*list));
	uint32_t n = 0;

	for (size_t i = 0; list && i < pr->epids.n; i++) {
		uint32_t epid = pr->epids.items[i];
		const struct dl_enabling *e = dl_state_enabling(p->s->state, epid);
		struct tier_clause *tc = tier_clause_of(p->s, p->tier, epid);

		if (!tc || !e) {
			free(list);
			return NULL;
		}
		if (!tc->was_asked)
			give_cells(p->s, p->tier, e, tc);
		tc->was_asked = true;
		if (tc->plan) {
			list[n++] = planned_clause(p, tc, epid);
			continue;
		}
		for (uint32_t k = 0; k < (tc->n_cells ? tc->n_cells : 1); k++)
			list[n++] = (struct arch_tramp_clause){
				.code = &e->clause->near,
				.epid = epid,
				.n_slots = e->clause->n_slots,
				.strsize = p->s->strsize,
				.cap = tc->cap,
				.stack_max = stack_is_wanted(p->s, e->clause) ? STACK_MAX : 0,
				.agg = tc->n_cells ? &tc->aggs[k] : NULL,
			};
	}
	*n_ret = n;
	return list;
}

static bool add_firing(struct promotion *p, struct bundle *b, const struct site *site,
		       const struct site_user *u, int insn)
{
	struct arch_tramp_clause *list;
	struct tier_spot spot;
	uint32_t n;

	if (tier_spot(u, &spot))
		return false;
	if (!spot.probe->epids.n)
		return true;
	list = tier_clauses(p, spot.probe, &n);
	if (!list || !vec_push(&b->clauses, list)) {
		free(list);
		return false;
	}
	struct arch_tramp_firing f = {
		.insn = (uint8_t)insn,
		.kind = spot.kind,
		.taken_only = spot.taken_only,
		.at_entry = spot.at_entry,
		.pc = site->addr,
		.offset = spot.offset,
		.places = spot.places,
		.n_places = spot.n_places,
		.objects = spot.objects,
		.n_objects = spot.n_objects,
		.clauses = list,
		.n_clauses = n,
	};

	return vec_push(&b->firings, f);
}

static const char *add_site(struct promotion *p, struct bundle *b, struct candidate *c, int insn)
{
	if (insn < 0 || b->n_sites == ARRAY_SIZE(b->sites))
		return "another probe is in the middle of its patch";
	b->members[b->n_sites] = c;
	b->sites[b->n_sites++] = c->site;
	for (size_t i = 0; i < c->site->users.n; i++)
		if (!add_firing(p, b, c->site, &c->site->users.items[i], insn))
			return "out of memory";
	return NULL;
}

/* The site and all others that its patch covers, in order of address. */
static const char *gather(struct promotion *p, struct bundle *b, struct candidate *c,
			  const struct arch_patch_plan *plan)
{
	uint64_t lo = plan->addr < plan->site ? plan->addr : plan->site;
	const char *why = NULL;

	for (struct site *s = site_next(p->as, lo); s && s->addr < plan->addr + plan->len && !why;
	     s = site_next(p->as, s->addr + 1)) {
		struct candidate *o = find_candidate(p, s->addr);

		if (s->addr < plan->addr && o != c)
			continue;
		if (!o || o->why || o->is_done)
			return "another probe is in the middle of its patch";
		why = add_site(p, b, o, arch_patch_insn(plan, s->addr));
	}
	return why;
}

static const char *promote_one(struct promotion *p, struct candidate *c)
{
	_cleanup_(bundle_deinit) struct bundle b = { .n_sites = 0 };
	struct arch_patch_plan plan;
	struct arch_tramp_job job = { .plan = &plan };
	const char *why = tier_function(p, c->object, c->sym, c->site->addr);

	if (!why)
		why = arch_patch_plan(&p->func, c->site->addr - p->func.addr, &plan);
	if (!why)
		why = gather(p, &b, c, &plan);
	if (why)
		return why;
	job.firings = b.firings.items;
	job.n_firings = (uint32_t)b.firings.n;
	why = engine_record_patch(p->s->engine, p->as, &job, b.sites, b.n_sites);
	if (why)
		return why;
	for (size_t i = 0; i < b.n_sites; i++)
		b.members[i]->is_done = true;
	p->tier->sites.n_record += (unsigned)b.n_sites;
	keep_add(p, (struct arch_span){ plan.addr, plan.addr + plan.len });
	if (plan.tactic == ARCH_TACTIC_SHORT)
		keep_add(p, (struct arch_span){ plan.jump, plan.jump + sizeof(plan.jump_orig) });
	return NULL;
}

/* Entries first: everything fires there, and returns have more ways to give. */
static void promote_all(struct promotion *p)
{
	for (size_t i = 0; i < p->list.n; i++) {
		struct candidate *c = &p->list.items[i];

		if (c->is_done)
			continue;
		if (!c->why)
			c->why = promote_one(p, c);
		if (c->why && !c->is_own)
			tier_count(&p->tier->sites, c->why, 1);
		/* A breakpoint that stays is in the way of its neighbours. */
		if (c->why && p->func.code)
			keep_add(p, (struct arch_span){ c->site->addr, c->site->addr + 1 });
	}
}

void tier_promotion_deinit(struct promotion *p)
{
	arch_func_deinit(&p->func);
	vec_deinit(&p->list);
	vec_deinit(&p->targets);
	vec_deinit(&p->live);
	vec_deinit(&p->keep);
}

bool tier_is_wanted(const struct session *s)
{
	const char *tier = dl_option_text(s->options, DL_OPT_TIER);

	if (s->only_cpu >= 0)
		return false; /* -x cpu: asked at each firing */
	return !tier || strcmp(tier, "stop");
}

static bool any_left(const struct promotion *p, uint64_t *near)
{
	for (size_t i = 0; i < p->list.n; i++) {
		if (p->list.items[i].why)
			continue;
		*near = p->list.items[i].site->addr;
		return true;
	}
	return false;
}

static const char *judge_any(struct session *s, const struct dl_clause *c)
{
	uint32_t cap;

	return tier_judge_clause(s, c, &cap);
}

static bool has_cell(void *arg, enum dl_aggfunc func)
{
	const struct session *s = arg;
	enum arch_agg_kind kind;

	return dl_option(s->options, DL_OPT_AGGPERCPU) != 1 && cell_kind(s->tier, func, &kind);
}

/* A thread in its SIGSYS stop dies with a tracer that is killed: only who asks takes that risk. */
static bool is_record_asked(const struct session *s)
{
	const char *tier = dl_option_text(s->options, DL_OPT_TIER);

	return tier && !strcmp(tier, "record");
}

void tier_begin(struct session *s)
{
	struct tier *t = tier_is_wanted(s) ? tier_of(s) : NULL;

	if (!t)
		return;
	scan_programs(s, t);
	if (is_record_asked(s))
		engine_dispatch_calls(s->engine);
	t->self = tier_self_create(s, judge_any, has_cell, s);
}

struct error *tier_promote(struct session *s, struct aspace *as)
{
	_cleanup_(tier_promotion_deinit) struct promotion p = { .s = s, .as = as };
	struct error *err = NULL;
	uint64_t near = 0;

	if (!tier_is_wanted(s))
		return NULL;
	p.tier = tier_of(s);
	if (!p.tier)
		return &error_nomem;
	site_each_untried(as, see_site, &p);
	if (p.is_short)
		return &error_nomem;
	if (!any_left(&p, &near)) {
		promote_all(&p);
		return NULL;
	}
	err = engine_record_begin(s->engine, as, near, p.need);
	if (err && (err->code == ERR_NOMEM || err->code == ERR_GONE))
		return err;
	if (err) {
		/* No record tier in this process. */
		for (size_t i = 0; i < p.list.n; i++)
			if (!p.list.items[i].why)
				tier_count(&p.tier->sites, err->message, 1);
		error_destroy(err);
		return NULL;
	}
	promote_all(&p);
	engine_record_end(s->engine, as);
	return NULL;
}
