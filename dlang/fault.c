/*
 * Run-time faults as messages.
 */
#include "consume_impl.h"
#include "json_out.h"

const char *dl_fault_name(enum dl_fault f)
{
	switch (f) {
	case DL_FLT_NONE:
	case DL_FLT_UNKNOWN:
		break;
	case DL_FLT_BADADDR:
		return "invalid address";
	case DL_FLT_BADALIGN:
		return "invalid alignment";
	case DL_FLT_ILLOP:
		return "illegal operation";
	case DL_FLT_DIVZERO:
		return "divide-by-zero";
	case DL_FLT_NOSCRATCH:
		return "out of scratch space";
	case DL_FLT_KPRIV:
		return "invalid kernel access";
	case DL_FLT_UPRIV:
		return "invalid user access";
	case DL_FLT_TUPOFLOW:
		return "tuple stack overflow";
	case DL_FLT_BADSTACK:
		return "bad stack";
	case DL_FLT_BADSIZE:
		return "invalid size";
	case DL_FLT_BADINDEX:
		return "index out of bounds";
	case DL_FLT_LIBRARY:
		return "library-level fault";
	}
	return "unknown fault";
}

static bool has_address(enum dl_fault f)
{
	return f == DL_FLT_BADADDR || f == DL_FLT_BADALIGN || f == DL_FLT_BADSTACK;
}

void dl_consumer_fault(struct dl_consumer *c, const struct dl_fault_info *info)
{
	const struct dl_enabling *en = dl_state_enabling(c->config.state, info->epid);
	struct dl_firing f = { .en = en };
	struct strbuf text = { 0 };

	if (!en)
		return;
	strbuf_puts(&text, dl_fault_name(info->fault));
	if (has_address(info->fault))
		strbuf_printf(&text, " (0x%llx)", (unsigned long long)info->addr);
	if (info->action)
		strbuf_printf(&text, " in action #%u", info->action);
	else
		strbuf_puts(&text, " in predicate");
	if (info->offset >= 0)
		strbuf_printf(&text, " at DIF offset %lld", (long long)info->offset);
	dl_consumer_complain(c, &f, "%s", strbuf_text(&text));
	strbuf_deinit(&text);
	if (c->json)
		dl_json_fault(c, info, en);
}
