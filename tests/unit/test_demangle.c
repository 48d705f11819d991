/* C++ and Rust names, and the patterns people write for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dlang/vec.h"
#include "tracer/demangle.h"

/* Without libiberty names stay as they are: nothing to test then. */
static bool has_demangler(void)
{
	char *s = demangle("_Z1fv");
	bool has = s != NULL;

	free(s);
	return has;
}

static void mangled_names_are_as_in_the_source(void **state)
{
	static const struct {
		const char *name, *text;
	} cases[] = {
		{ "_ZN2ns1fEi", "ns::f(int)" },
		{ "_ZNK2ns5Shape3getERKS0_", "ns::Shape::get(ns::Shape const&) const" },
		{ "_ZN2ns5twiceIlEET_S1_", "ns::twice<long>(long)" },
		{ "_ZN4core3fmt9Formatter3pad17h0123456789abcdefE", "core::fmt::Formatter::pad" },
		{ "_RNvMNtCs2eTQDdlxVcB_5names4shopNtB2_4Item5total",
		  "<names::shop::Item>::total" },
	};
	struct demangler *d = NULL;

	(void)state;
	if (!has_demangler())
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *s = demangler_name(&d, cases[i].name);

		assert_string_equal(s, cases[i].text);
		assert_ptr_equal(demangler_name(&d, cases[i].name), s);
	}
	demangler_destroy(d);
}

static void other_names_stay_as_they_are(void **state)
{
	static const char *const names[] = { "main", "_Z", "_ZN", "_R", "", "_Zqqqq", "_ZN2ns1f" };
	struct demangler *d = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_ptr_equal(demangler_name(&d, names[i]), names[i]);
	demangler_destroy(d);
}

static void patterns_mean_functions_with_and_without_parameters(void **state)
{
	static const struct {
		const char *pattern, *name;
		bool yes;
	} cases[] = {
		{ "ns::f", "ns::f(int)", true },
		{ "ns::f(int)", "ns::f(int)", true },
		{ "ns::f(int,char)", "ns::f(int, char)", true },
		{ "ns::f(char)", "ns::f(int)", false },
		{ "f", "ns::f(int)", false },
		{ "ns::*", "ns::f(int)", true },
		{ "*f", "ns::f(int)", true },
		{ "ns::twice", "ns::twice<long>(long)", true },
		{ "ns::twice<long>", "ns::twice<long>(long)", true },
		{ "ns::twice<int>", "ns::twice<long>(long)", false },
		{ "C::get", "C::get(C const&) const", true },
		{ "C::operator()", "C::operator()(int)", true },
		{ "C::operator->", "C::operator->()", true },
		{ "hidden", "(anonymous namespace)::hidden(long)", true },
		{ "(anonymous namespace)::hidden", "(anonymous namespace)::hidden(long)", true },
		{ "f(void (*)(int))", "f(void (*)(int))", true },
		{ "f", "f(void (*)(int))", true },
		{ "shop::total", "shop::total::<shop::Item>", true },
		{ "shop::total::<shop::Item>", "shop::total::<shop::Item>", true },
		{ "<shop::Item>::total", "<shop::Item>::total", true },
		{ "C::get()", "C::get() const", true },
		{ "C::operator[]", "C::operator[](int)", true },
		{ "C::operator bool", "C::operator bool() const", true },
		{ "C::operator<<", "C::operator<< <long>(long)", true },
		{ "C::operator<<<long>", "C::operator<< <long>(long)", true },
		{ "ns::make", "ns::make[abi:cxx11]()", true },
		{ "ns::make[abi:cxx11]", "ns::make[abi:cxx11]()", true },
		{ "ns::make[abi:v2]", "ns::make[abi:cxx11]()", false },
		{ "f(const char *, const ns::T<int, 2>&, char)",
		  "f(char const*, ns::T<int, 2> const&, char)", true },
		{ "f(const unsigned long &)", "f(unsigned long const&)", true },
		{ "f(const char *)", "f(char*)", false },
		{ "f(const", "f(char)", false },
		{ "f(const std::string &)",
		  "f(std::__cxx11::basic_string<char, std::char_traits<char>, "
		  "std::allocator<char> > const&)",
		  true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (demangle_matches(cases[i].pattern, cases[i].name) != cases[i].yes)
			fail_msg("%s against %s", cases[i].pattern, cases[i].name);
}

static void the_quick_test_drops_only_what_cannot_match(void **state)
{
	(void)state;
	assert_true(demangle_may_match("ns::f", "_ZN2ns1fEi"));
	assert_true(demangle_may_match("ns::g*", "_ZN2ns3getEi"));
	assert_true(demangle_may_match("*", "_ZN2ns3getEi"));
	assert_true(demangle_may_match("std::string::append", "_ZNSs6appendERKSs"));
	assert_true(
		demangle_may_match("main::{lambda(int)#1}::operator()", "_ZZ4mainENKUliE_clEi"));
	assert_true(demangle_may_match("*lambda*", "_ZZ4mainENKUliE_clEi"));
	assert_false(demangle_may_match("ns::other", "_ZN2ns1fEi"));
	assert_false(demangle_may_match("main", "main"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mangled_names_are_as_in_the_source),
		cmocka_unit_test(other_names_stay_as_they_are),
		cmocka_unit_test(patterns_mean_functions_with_and_without_parameters),
		cmocka_unit_test(the_quick_test_drops_only_what_cannot_match),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
