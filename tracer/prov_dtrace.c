/*
 * dtrace:::BEGIN, END and ERROR: probes 1, 2 and 3.  The session fires them.
 */
#include "session.h"

static struct error *init(struct provider *p)
{
	static const char *const names[] = { "BEGIN", "END", "ERROR" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!probe_add(p->session->probes, p, "dtrace", "", "", names[i]))
			return &error_nomem;
	return NULL;
}

static struct error *enable(struct provider *p, struct probe *pr)
{
	(void)p;
	(void)pr;
	return NULL;
}

const struct provider provider_dtrace = {
	.name = "dtrace",
	.attr = {
		.provider = { DL_ST_STABLE, DL_ST_STABLE, DL_CL_COMMON },
		.module = { DL_ST_PRIVATE, DL_ST_PRIVATE, DL_CL_UNKNOWN },
		.function = { DL_ST_PRIVATE, DL_ST_PRIVATE, DL_CL_UNKNOWN },
		.name = { DL_ST_STABLE, DL_ST_STABLE, DL_CL_COMMON },
		.args = { DL_ST_STABLE, DL_ST_STABLE, DL_CL_COMMON },
	},
	.init = init,
	.enable = enable,
};
