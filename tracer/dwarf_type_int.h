/*
 * Shared by dwarf_*.c: DIEs as types.
 */
#ifndef DWARF_TYPE_INT_H
#define DWARF_TYPE_INT_H

#include "../arch/arch.h"
#include "debuginfo.h"
#include "dwarf_func.h"
#include "dwarf_type.h"

/* struct, union, class or enum?  DL_STRUCT, DL_UNION or DL_ENUM. */
bool dwarf_tag_is_type(int tag);
enum dl_kind dwarf_tag_kind(int tag);
/* What a DIE of a type is. */
struct dl_type *dwarf_type_convert(struct debuginfo *di, struct dl_types *ts, Dwarf_Die *die);
/* A tag that had no definition gets that of another type. */
void dwarf_type_become(struct dl_type *t, const struct dl_type *full);
/* The type that die's DW_AT_type means; void if it has none. */
struct dl_type *dwarf_type_of(struct debuginfo *di, struct dl_types *ts, Dwarf_Die *die);
/* What a function DIE is as a type: result and parameters. */
struct dl_type *dwarf_func_type(struct debuginfo *di, struct dl_types *ts, Dwarf_Die *die);

/* What is known of a function's parameters besides struct dwarf_func. */
struct dwarf_param_list {
	struct arch_param abi[DWARF_PARAMS_MAX];
	Dwarf_Die dies[DWARF_PARAMS_MAX];
	bool is_there[DWARF_PARAMS_MAX]; /* not only in the abstract instance */
	Dwarf_Die results[DWARF_RESULTS_MAX];
};
/* Parameters and result of a function or inlined instance; where is as at a call. */
void dwarf_params_read(struct debuginfo *di, struct dl_types *ts, Dwarf_Die *func,
		       struct dwarf_param_list *list, struct dwarf_func *f);

/* dwarf_abi.c: how a parameter or result (the type of die) is passed. */
struct arch_param dwarf_abi_param(struct debuginfo *di, struct dl_types *ts, Dwarf_Die *die,
				  struct dl_type *t);
/* Places all of a function of Go's own compiler; false: func is another's. */
bool dwarf_abi_go(struct dl_types *ts, Dwarf_Die *func, struct dwarf_param_list *list,
		  struct dwarf_func *f);

#endif
