/*
 * Run-time faults as messages.
 */
#include "consume_impl.h"
#include "json_out.h"

const char *dl_fault_name(enum dl_fault f)
{
	switch (f) {
	case DL_FLT_NONE:
	case DL_FLT_UNKNOWN: break;
	case DL_FLT_BADADDR: return "invalid address";
	case DL_FLT_BADALIGN: return "invalid alignment";
	case DL_FLT_ILLOP: return "illegal operation";
	case DL_FLT_DIVZERO: return "divide-by-zero";
	case DL_FLT_NOSCRATCH: return "out of scratch space";
	case DL_FLT_KPRIV: return "invalid kernel access";
	case DL_FLT_UPRIV: return "invalid user access";
	case DL_FLT_TUPOFLOW: return "tuple stack overflow";
	case DL_FLT_BADSTACK: return "bad stack";
	case DL_FLT_BADSIZE: return "invalid size";
	case DL_FLT_BADINDEX: return "index out of bounds";
	case DL_FLT_LIBRARY: return "library-level fault";
	}
	return "unknown fault";
}

static bool has_address(enum dl_fault f)
{
	return f == DL_FLT_BADADDR || f == DL_FLT_BADALIGN || f == DL_FLT_BADSTACK;
}

/* An argument, or a member of it, that the compiler kept nowhere at this place. */
static bool has_no_value(const struct dl_fault_info *info)
{
	return info->fault == DL_FLT_BADADDR && info->addr - DL_ADDR_NO_VALUE < UINT16_MAX;
}

/* From 0, in the order of the programs; a clause's enablings follow each other. */
static unsigned clause_number(const struct dl_consumer *c, uint32_t epid)
{
	const struct dl_clause *last = NULL;
	unsigned n = 0;

	for (uint32_t i = 1; i <= epid; i++) {
		const struct dl_enabling *en = dl_state_enabling(c->config.state, i);

		n += en->clause != last;
		last = en->clause;
	}
	return n ? n - 1 : 0;
}

/* Oracle's words, which its test suite compares with. */
static void complain_as_oracle(struct dl_consumer *c, const struct dl_fault_info *info,
			       const struct dl_enabling *en, const char *fault)
{
	const struct dl_probe_id *p = &en->probe;

	dl_consumer_message(c,
			    "error in dt_clause_%u for probe ID %u (%s:%s:%s:%s): %s at BPF pc "
			    "%lld",
			    clause_number(c, info->epid), p->id, p->prov, p->mod, p->func, p->name,
			    fault, (long long)info->offset);
}

void dl_consumer_fault(struct dl_consumer *c, const struct dl_fault_info *info)
{
	const struct dl_enabling *en = dl_state_enabling(c->config.state, info->epid);
	struct dl_firing f = { .en = en };
	struct strbuf text = { 0 };

	if (!en)
		return;
	strbuf_puts(&text,
		    has_no_value(info) ? "argument has no value here" : dl_fault_name(info->fault));
	if (has_address(info->fault) && !has_no_value(info))
		strbuf_printf(&text, " (0x%llx)", (unsigned long long)info->addr);
	if (c->json)
		dl_json_fault(c, info, en);
	if (c->config.test_mode) {
		complain_as_oracle(c, info, en, strbuf_text(&text));
		strbuf_deinit(&text);
		return;
	}
	if (info->action)
		strbuf_printf(&text, " in action #%u", info->action);
	else
		strbuf_puts(&text, " in predicate");
	if (info->offset >= 0)
		strbuf_printf(&text, " at DIF offset %lld", (long long)info->offset);
	dl_consumer_complain(c, &f, "%s", strbuf_text(&text));
	strbuf_deinit(&text);
}
