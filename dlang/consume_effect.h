/*
 * Actions that do something when their record is consumed: system(),
 * freopen(), setopt(), clear() and the like.
 */
#ifndef DL_CONSUME_EFFECT_H
#define DL_CONSUME_EFFECT_H

#include "consume_impl.h"

bool dl_effect_is(enum dl_action_kind kind);
/* c->values holds the action's fields.  An error means output failed. */
struct error *dl_effect_run(struct dl_consumer *c, const struct dl_firing *f,
			    const struct dl_action *a);

#endif
