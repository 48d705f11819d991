/*
 * The compile context's life and its tables.
 */
#include "ctx.h"

#include <inttypes.h>
#include <string.h>

#include "parse.h"

static void out_of_memory(void *arg)
{
	struct dl_ctx *c = arg;

	dl_too_broken(c);
}

struct dl_ctx *dl_ctx_create(const struct dl_ctx_config *config)
{
	struct arena *a = arena_create();

	if (!a)
		return NULL;
	struct dl_ctx *c = calloc(1, sizeof(*c));

	if (!c) {
		arena_destroy(a);
		return NULL;
	}
	arena_on_nomem(a, out_of_memory, c);
	c->arena = a;
	c->config = *config;
	c->types = dl_types_create(a);
	c->globals = dl_idents_create(a, NULL);
	c->tls = dl_idents_create(a, NULL);
	c->locals = dl_idents_create(a, NULL);
	c->aggs = dl_idents_create(a, NULL);
	if (config->options) {
		const char *version = dl_option_text(config->options, DL_OPT_VERSION);

		dl_types_set_strsize(c->types, dl_option(config->options, DL_OPT_STRSIZE));
		if (!version || !dl_version_parse(version, &c->version))
			c->version = DL_VERSION_NEWEST;
	} else {
		c->version = DL_VERSION_NEWEST;
	}
	dl_sema_init(c);
	return c;
}

void dl_ctx_destroy(struct dl_ctx *c)
{
	if (!c)
		return;
	vec_deinit(&c->diags.list);
	vec_deinit(&c->vars);
	vec_deinit(&c->shadowing);
	vec_deinit(&c->agg_table);
	vec_deinit(&c->strings);
	vec_deinit(&c->string_lens);
	strbuf_deinit(&c->tree);
	arena_destroy(c->arena);
	free(c);
}

void dl_ctx_set_target(struct dl_ctx *c, int64_t pid)
{
	c->config.macros.target = pid;
	for (struct dl_late_macro *m = c->late_macros; m; m = m->next) {
		if (m->node->kind == DL_N_INT) {
			m->node->value = (uint64_t)pid;
			continue;
		}
		m->node->str = arena_printf(c->arena, "%" PRId64, pid);
		m->node->str_len = (uint32_t)strlen(m->node->str);
	}
}

struct dl_types *dl_ctx_types(struct dl_ctx *c)
{
	return c->types;
}

const struct dl_diags *dl_ctx_diags(const struct dl_ctx *c)
{
	return &c->diags;
}

void dl_ctx_clear_diags(struct dl_ctx *c)
{
	c->diags.list.n = 0;
	c->diags.n_errors = 0;
}

const struct dl_var *const *dl_ctx_vars(const struct dl_ctx *c, uint32_t *n_ret)
{
	*n_ret = (uint32_t)c->vars.n;
	return (const struct dl_var *const *)c->vars.items;
}

const struct dl_aggdesc *const *dl_ctx_aggs(const struct dl_ctx *c, uint32_t *n_ret)
{
	*n_ret = (uint32_t)c->agg_table.n;
	return (const struct dl_aggdesc *const *)c->agg_table.items;
}

const char *const *dl_ctx_strings(const struct dl_ctx *c, const uint32_t **lens_ret,
				  uint32_t *n_ret)
{
	*lens_ret = c->string_lens.items;
	*n_ret = (uint32_t)c->strings.n;
	return c->strings.items;
}

/* --- string literals: index by interned text, open addressing --- */

struct dl_literals {
	uint32_t *slots; /* index + 1; 0 = free */
	size_t size; /* power of two, at most half full */
};

static uint32_t *literal_slot(const struct dl_ctx *c, const char *text, uint32_t len)
{
	const struct dl_literals *l = c->literals;
	size_t i = (size_t)(((uintptr_t)text >> 4) * 0x9e3779b97f4a7c15ull >> 24);

	for (;; i++) {
		uint32_t *slot = &l->slots[i & (l->size - 1)];

		if (!*slot ||
		    (c->strings.items[*slot - 1] == text && c->string_lens.items[*slot - 1] == len))
			return slot;
	}
}

static void grow_literals(struct dl_ctx *c)
{
	size_t size = c->literals ? c->literals->size * 2 : 64;

	c->literals = ARENA_NEW(c->arena, struct dl_literals);
	c->literals->size = size;
	c->literals->slots = ARENA_ARRAY(c->arena, size, uint32_t);
	for (size_t i = 0; i < c->strings.n; i++)
		*literal_slot(c, c->strings.items[i], c->string_lens.items[i]) = (uint32_t)i + 1;
}

uint32_t dl_ctx_string(struct dl_ctx *c, const char *s, uint32_t len)
{
	const char *text = arena_intern(c->arena, s, len);

	if (!c->literals || c->strings.n * 2 >= c->literals->size)
		grow_literals(c);
	uint32_t *slot = literal_slot(c, text, len);

	if (*slot)
		return *slot - 1;
	if (!vec_push(&c->strings, text) || !vec_push(&c->string_lens, len))
		dl_too_broken(c);
	*slot = (uint32_t)c->strings.n;
	return *slot - 1;
}
