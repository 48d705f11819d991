/*
 * Stability attributes: names and order.  See attr.h.
 */
#include "attr.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "vec.h"

/* ORDER enum dl_stability */
static const char *const stability_names[] = {
	"Internal", "Private", "Obsolete", "External", "Unstable", "Evolving", "Stable", "Standard",
};

/* ORDER enum dl_depclass */
static const char *const class_names[] = {
	"Unknown", "CPU", "Platform", "Group", "ISA", "Common",
};

const char *dl_stability_name(enum dl_stability s)
{
	return (size_t)s < ARRAY_SIZE(stability_names) ? stability_names[s] : "Unknown";
}

const char *dl_depclass_name(enum dl_depclass c)
{
	return (size_t)c < ARRAY_SIZE(class_names) ? class_names[c] : "Unknown";
}

struct dl_attr dl_attr_min(struct dl_attr a, struct dl_attr b)
{
	return (struct dl_attr){
		.name = a.name < b.name ? a.name : b.name,
		.data = a.data < b.data ? a.data : b.data,
		.class = a.class < b.class ? a.class : b.class,
	};
}

char *dl_attr_text(struct dl_attr a, char buf[32])
{
	snprintf(buf, 32, "%s/%s/%s", dl_stability_name(a.name), dl_stability_name(a.data),
		 dl_depclass_name(a.class));
	return buf;
}

static bool find_word(const char *const *names, size_t n, const char *s, size_t len, uint8_t *ret)
{
	for (size_t i = 0; i < n; i++) {
		if (strlen(names[i]) == len && !strncasecmp(names[i], s, len)) {
			*ret = (uint8_t)i;
			return true;
		}
	}
	return false;
}

bool dl_attr_parse(const char *s, struct dl_attr *ret)
{
	const char *second = strchr(s, '/');
	const char *third = second ? strchr(second + 1, '/') : NULL;

	if (!third)
		return false;
	second++;
	third++;
	return find_word(stability_names, ARRAY_SIZE(stability_names), s, (size_t)(second - s) - 1,
			 &ret->name) &&
	       find_word(stability_names, ARRAY_SIZE(stability_names), second,
			 (size_t)(third - second) - 1, &ret->data) &&
	       find_word(class_names, ARRAY_SIZE(class_names), third, strlen(third), &ret->class);
}
