/*
 * Stability attributes: name stability / data stability / dependency class.
 * Numbers are those of DOF (attribute word: name<<24 | data<<16 | class<<8).
 */
#ifndef DL_ATTR_H
#define DL_ATTR_H

#include <stdbool.h>
#include <stdint.h>

enum dl_stability {
	DL_ST_INTERNAL,
	DL_ST_PRIVATE,
	DL_ST_OBSOLETE,
	DL_ST_EXTERNAL,
	DL_ST_UNSTABLE,
	DL_ST_EVOLVING,
	DL_ST_STABLE,
	DL_ST_STANDARD,
};

enum dl_depclass {
	DL_CL_UNKNOWN,
	DL_CL_CPU,
	DL_CL_PLATFORM,
	DL_CL_GROUP,
	DL_CL_ISA,
	DL_CL_COMMON,
};

struct dl_attr {
	uint8_t name; /* enum dl_stability */
	uint8_t data; /* enum dl_stability */
	uint8_t class; /* enum dl_depclass */
};

#define DL_ATTR_STABLE ((struct dl_attr){ DL_ST_STABLE, DL_ST_STABLE, DL_CL_COMMON })
#define DL_ATTR_EVOLVING ((struct dl_attr){ DL_ST_EVOLVING, DL_ST_EVOLVING, DL_CL_COMMON })
#define DL_ATTR_MAX ((struct dl_attr){ DL_ST_STANDARD, DL_ST_STANDARD, DL_CL_COMMON })

/* Component-wise minimum. */
struct dl_attr dl_attr_min(struct dl_attr a, struct dl_attr b);
/* "Stable/Stable/Common" into buf (at least 32 bytes); returns buf. */
char *dl_attr_text(struct dl_attr a, char buf[32]);
/* Parses "Name/Data/Class", any case; false when malformed. */
bool dl_attr_parse(const char *s, struct dl_attr *ret);
const char *dl_stability_name(enum dl_stability s);
const char *dl_depclass_name(enum dl_depclass c);

/* The five attribute triples of a provider. */
struct dl_prov_attr {
	struct dl_attr provider, module, function, name, args;
};

#endif
