/*
 * -C: D programs through the system's C preprocessor.
 */
#ifndef CPP_H
#define CPP_H

#include "../dlang/option.h"

/*
 * Runs text, the contents of the script at path, through cpp(1) with what the
 * options say about it (cpppath, cppargs, cpphdrs, define, undef, incdir,
 * stdc).  *ret is the preprocessed text, owned by the caller; its line markers
 * keep the places of diagnostics right.
 */
struct error *cpp_run(const struct dl_options *options, const char *path, const char *text,
		      char **ret) __attribute__((warn_unused_result));

#endif
