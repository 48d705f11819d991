/*
 * Drop messages: what was lost since the last look, by kind.
 */
#include <inttypes.h>

#include "consume_impl.h"
#include "json_out.h"

/* ORDER enum dl_drop.  The text is "N <one>[s]<rest>". */
static const struct drop_kind {
	const char *tag;
	const char *one;
	const char *rest;
} drop_kinds[] = {
	[DL_DROP_PRINCIPAL] = { "PRINCIPAL", "drop", " on CPU 0" },
	[DL_DROP_AGG] = { "AGGREGATION", "aggregation drop", " on CPU 0" },
	[DL_DROP_DYNVAR] = { "DYNAMIC", "dynamic variable drop", "" },
	[DL_DROP_SPEC] = { "SPEC", "speculative drop", "" },
	[DL_DROP_SPECBUSY] = { "SPECBUSY", "failed speculation",
			       " (available buffer(s) still busy)" },
	[DL_DROP_SPECUNAVAIL] = { "SPECUNAVAIL", "failed speculation",
				  " (no speculative buffer available)" },
	[DL_DROP_STKSTR] = { "STKSTROVERFLOW", "jstack()/ustack() string table overflow", "" },
	[DL_DROP_DBLERROR] = { "DBLERROR", "error", " in ERROR probe enabling" },
};

_Static_assert(ARRAY_SIZE(drop_kinds) == DL_DROP_COUNT, "a text for every kind of drop");

static void report(struct dl_consumer *c, const struct drop_kind *k, uint64_t n)
{
	struct strbuf text = { 0 };

	if (dl_consumer_option(c, DL_OPT_DROPTAGS))
		strbuf_printf(&text, "[DTRACEDROP_%s] ", k->tag);
	strbuf_printf(&text, "%" PRIu64 " %s%s%s", n, k->one, n == 1 ? "" : "s", k->rest);
	dl_consumer_message(c, "%s", strbuf_text(&text));
	if (c->json)
		dl_json_drop(c, k->tag, n, strbuf_text(&text));
	strbuf_deinit(&text);
}

void dl_consumer_drops(struct dl_consumer *c)
{
	for (unsigned i = 0; i < DL_DROP_COUNT; i++) {
		uint64_t n = dl_take_drops(c->config.state, (enum dl_drop)i);

		if (n)
			report(c, &drop_kinds[i], n);
	}
}
