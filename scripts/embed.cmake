# Writes OUT, a C file with the D libraries FILES as dl_embedded_libs[].
set(text "#include \"../dlang/ctx.h\"\n#include <stddef.h>\n\nconst struct dl_embedded_lib dl_embedded_libs[] = {\n")
string(REPLACE "../dlang" "${CMAKE_CURRENT_LIST_DIR}/../dlang" text "${text}")
foreach(f IN LISTS FILES)
  get_filename_component(name "${f}" NAME)
  file(READ "${f}" hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" body "${hex}")
  # One string literal per 32 bytes: compilers limit the length of a literal line.
  string(REGEX REPLACE "((\\\\x[0-9a-f][0-9a-f])(\\\\x[0-9a-f][0-9a-f])?(\\\\x[0-9a-f][0-9a-f])?(\\\\x[0-9a-f][0-9a-f])?(\\\\x[0-9a-f][0-9a-f])?(\\\\x[0-9a-f][0-9a-f])?(\\\\x[0-9a-f][0-9a-f])?)" "\"\\1\"\n" body "${body}")
  string(APPEND text "{ \"${name}\",\n\"\"${body}},\n")
endforeach()
string(APPEND text "{ NULL, NULL },\n};\n")
file(WRITE "${OUT}" "${text}")
