/*
 * Drop messages: what was lost since the last look, by kind.
 */
#include <inttypes.h>

#include "consume_impl.h"
#include "json_out.h"

/* ORDER enum dl_drop.  The text is "N <one>[s]<rest>[ on CPU C]". */
static const struct drop_kind {
	const char *tag;
	const char *one;
	const char *rest;
	bool has_cpu;
} drop_kinds[] = {
	[DL_DROP_PRINCIPAL] = { "PRINCIPAL", "drop", "", true },
	[DL_DROP_AGG] = { "AGGREGATION", "aggregation drop", "", true },
	[DL_DROP_DYNVAR] = { "DYNAMIC", "dynamic variable drop", "", false },
	[DL_DROP_SPEC] = { "SPEC", "speculative drop", "", false },
	[DL_DROP_SPECBUSY] = { "SPECBUSY", "failed speculation",
			       " (available buffer(s) still busy)", false },
	[DL_DROP_SPECUNAVAIL] = { "SPECUNAVAIL", "failed speculation",
				  " (no speculative buffer available)", false },
	[DL_DROP_STKSTR] = { "STKSTROVERFLOW", "jstack()/ustack() string table overflow", "",
			     false },
	[DL_DROP_DBLERROR] = { "DBLERROR", "error", " in ERROR probe enabling", false },
};

_Static_assert(ARRAY_SIZE(drop_kinds) == DL_DROP_COUNT, "a text for every kind of drop");

static void report(struct dl_consumer *c, const struct drop_kind *k, uint64_t n, uint32_t cpu)
{
	struct strbuf text = { 0 };

	if (dl_consumer_option(c, DL_OPT_DROPTAGS))
		strbuf_printf(&text, "[DTRACEDROP_%s] ", k->tag);
	strbuf_printf(&text, "%" PRIu64 " %s%s%s", n, k->one, n == 1 ? "" : "s", k->rest);
	if (k->has_cpu)
		strbuf_printf(&text, " on CPU %" PRIu32, cpu);
	dl_consumer_message(c, "%s", strbuf_text(&text));
	if (c->json)
		dl_json_drop(c, k->tag, n, k->has_cpu ? (int64_t)cpu : -1, strbuf_text(&text));
	strbuf_deinit(&text);
}

void dl_consumer_drops(struct dl_consumer *c)
{
	for (unsigned i = 0; i < DL_DROP_COUNT; i++) {
		const struct drop_kind *k = &drop_kinds[i];
		enum dl_drop which = (enum dl_drop)i;
		uint32_t cpu = 0;
		uint64_t n;

		while (k->has_cpu && (n = dl_take_cpu_drops(c->config.state, which, &cpu)))
			report(c, k, n, cpu);
		if (!k->has_cpu && (n = dl_take_drops(c->config.state, which)))
			report(c, k, n, 0);
	}
}
