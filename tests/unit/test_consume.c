/*
 * The consumer's record lines, actions and messages, byte for byte.
 */
#include "consumer.h"

#include <sys/stat.h>

#define HEADING "CPU     ID                    FUNCTION:NAME\n"

static const struct dl_clause empty = { .records = true };

/* trace() of one value of kind v, as the first action. */
static const struct dl_clause *tracing(const struct dl_value_desc *v)
{
	static struct dl_action action;
	static struct dl_clause clause;

	action = (struct dl_action){ .kind = DL_ACT_TRACE, .fields = v, .n_fields = 1 };
	clause = (struct dl_clause){ .records = true, .actions = &action, .n_actions = 1 };
	return &clause;
}

static void the_heading_comes_with_the_first_record(void **state)
{
	struct rig r = { 0 };
	struct entry e = { 0 };

	(void)state;
	rig_start(&r, NULL);
	uint32_t epid = rig_enable(&r, &empty, 1, "dtrace", "", "BEGIN");

	assert_string_equal(rig_output(&r), "");
	entry_commit(&r, &e, epid);
	entry_commit(&r, &e, epid);
	assert_string_equal(rig_output(&r),
			    HEADING "  3      1                           :BEGIN \n"
				    "  3      1                           :BEGIN \n");
	assert_string_equal(rig_end(&r) + strlen(HEADING),
			    "  3      1                           :BEGIN \n"
			    "  3      1                           :BEGIN \n\n");
	rig_stop(&r);
}

static void test_mode_leaves_out_columns_and_last_newline(void **state)
{
	struct rig r = { 0 };
	struct entry e = { 0 };

	(void)state;
	rig_start_with(&r, true, 0, NULL);
	uint32_t epid = rig_enable(&r, tracing(&i32_desc), 1, "dtrace", "", "BEGIN");

	item_begin(&e, 0);
	item_int(&e, 1);
	entry_commit(&r, &e, epid);
	assert_string_equal(rig_end(&r), "                   FUNCTION:NAME\n"
					 "                          :BEGIN           1\n");
	rig_stop(&r);
}

static const char *traced(const struct dl_value_desc *d, bool quiet, int64_t value)
{
	static char text[256];
	const char *options[] = { "quiet", NULL, NULL };
	struct rig r = { 0 };
	struct entry e = { 0 };

	rig_start(&r, quiet ? options : NULL);
	uint32_t epid = rig_enable(&r, tracing(d), 1, "dtrace", "", "BEGIN");

	item_begin(&e, 0);
	item_int(&e, value);
	entry_commit(&r, &e, epid);
	snprintf(text, sizeof(text), "%s",
		 rig_output(&r) + (quiet ? 0 : strlen(HEADING) + strlen("  3      1 ") + 33));
	rig_stop(&r);
	return text;
}

static void integers_have_a_width_by_size(void **state)
{
	struct dl_value_desc d = { .kind = DL_VK_INT, .size = 1, .is_signed = true };

	(void)state;
	assert_string_equal(traced(&i64_desc, false, -7), "               -7\n");
	assert_string_equal(traced(&i32_desc, false, 7), "        7\n");
	assert_string_equal(traced(&d, false, -1), "  -1\n");
	d.is_signed = false;
	assert_string_equal(traced(&d, false, -1), " 255\n");
	d.size = 2;
	assert_string_equal(traced(&d, false, 9), "     9\n");
	d.size = 8;
	assert_string_equal(traced(&d, true, -1), "18446744073709551615");
	assert_string_equal(traced(&i32_desc, true, -1), "-1");
}

static void strings_are_always_text(void **state)
{
	const char *quiet[] = { "quiet", NULL, NULL };
	struct entry e = { 0 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct rig r = { 0 };

		rig_start(&r, i ? quiet : NULL);
		uint32_t epid = rig_enable(&r, tracing(&str_desc), 1, "dtrace", "", "BEGIN");

		item_begin(&e, 0);
		item_str(&e, "ab\x01");
		entry_commit(&r, &e, epid);
		item_begin(&e, 0);
		item_str(&e, "");
		entry_commit(&r, &e, epid);
		assert_string_equal(rig_output(&r),
				    i ? "ab\x01" :
					HEADING "  3      1                           :BEGIN   "
						"ab\x01                              \n"
						"  3      1                           :BEGIN       "
						"                             \n");
		rig_stop(&r);
	}
}

static void bytes_are_text_only_if_they_look_like_it(void **state)
{
	const struct dl_value_desc d = { .kind = DL_VK_BYTES, .size = 5 };
	const char *quiet[] = { "quiet", NULL, NULL };
	struct rig r = { 0 };
	struct entry e = { 0 };

	(void)state;
	rig_start(&r, quiet);
	uint32_t epid = rig_enable(&r, tracing(&d), 1, "dtrace", "", "BEGIN");

	item_begin(&e, 0);
	item_bytes(&e, "ab\0\0\0", 5);
	entry_commit(&r, &e, epid);
	assert_string_equal(rig_output(&r), "ab");
	item_begin(&e, 0);
	item_bytes(&e, "abcde", 5);
	entry_commit(&r, &e, epid);
	assert_string_equal(rig_output(&r), "ab  abcde                            ");
	item_begin(&e, 0);
	item_bytes(&e, "ab\0c\0", 5);
	entry_commit(&r, &e, epid);
	assert_non_null(strstr(
		rig_output(&r),
		"\n             0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f  0123456789abcdef\n"
		"         0: 61 62 00 63 00                                   ab.c.\n"));
	rig_stop(&r);
}

static void tracemem_dumps_what_was_recorded(void **state)
{
	const struct dl_value_desc d = { .kind = DL_VK_BYTES, .size = 20 };
	const struct dl_action a = { .kind = DL_ACT_TRACEMEM, .fields = &d, .n_fields = 1 };
	const struct dl_clause clause = { .records = true, .actions = &a, .n_actions = 1 };
	const char *quiet[] = { "quiet", NULL, NULL };
	struct rig r = { 0 };
	struct entry e = { 0 };

	(void)state;
	rig_start(&r, quiet);
	uint32_t epid = rig_enable(&r, &clause, 1, "dtrace", "", "BEGIN");

	item_begin(&e, 0);
	item_bytes(&e, "Linux version 5.x..x", 20);
	e.item->len = 14;
	e.len -= 8;
	entry_commit(&r, &e, epid);
	item_begin(&e, 0); /* a dynamic size of 0 shows nothing */
	entry_commit(&r, &e, epid);
	assert_string_equal(
		rig_output(&r),
		"\n             0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f  0123456789abcdef\n"
		"         0: 4c 69 6e 75 78 20 76 65 72 73 69 6f 6e 20        Linux version \n");
	rig_stop(&r);
}

static void stacks_are_indented_and_symbols_padded(void **state)
{
	const struct dl_value_desc d[] = { { .kind = DL_VK_USTACK, .size = 2 },
					   { .kind = DL_VK_SYM, .symkind = DL_SYM_UADDR } };
	const struct dl_action a[] = { { .kind = DL_ACT_USTACK, .fields = &d[0], .n_fields = 1 },
				       { .kind = DL_ACT_SYM, .fields = &d[1], .n_fields = 1 } };
	const struct dl_clause clause = { .records = true, .actions = a, .n_actions = 2 };
	const uint64_t stack[] = { 42, 2, 1, 2 }, sym[] = { 42, 9 };
	const char *options[] = { "quiet", NULL, "stackindent", "2", NULL };
	struct rig r = { 0 };
	struct entry e = { 0 };

	(void)state;
	rig_start(&r, options);
	uint32_t epid = rig_enable(&r, &clause, 1, "dtrace", "", "BEGIN");

	item_begin(&e, 0);
	item_bytes(&e, stack, sizeof(stack));
	item_begin(&e, 1);
	item_bytes(&e, sym, sizeof(sym));
	entry_commit(&r, &e, epid);
	assert_string_equal(rig_output(&r), "\n  a42`f+0x1\n  a42`f+0x2\n"
					    "  a42`f+0x9                                         ");
	rig_stop(&r);
}

static void flow_indents_once_per_probe(void **state)
{
	const char *options[] = { "flowindent", NULL, NULL };
	struct rig r = { 0 };
	struct entry e = { 0 };

	(void)state;
	rig_start(&r, options);
	uint32_t in1 = rig_enable(&r, &empty, 5, "syscall", "read", "entry");
	uint32_t in2 = rig_enable(&r, &empty, 5, "syscall", "read", "entry");
	uint32_t fin = rig_enable(&r, &empty, 6, "pid42", "helper", "entry");
	uint32_t off = rig_enable(&r, &empty, 7, "pid42", "helper", "10");
	uint32_t fout = rig_enable(&r, &empty, 8, "pid42", "helper", "return");
	uint32_t out1 = rig_enable(&r, &empty, 9, "syscall", "read", "return");
	uint32_t out2 = rig_enable(&r, &empty, 9, "syscall", "read", "return");
	uint32_t tree = rig_enable(&r, &empty, 10, "p", "f", "carpentry");

	const uint32_t order[] = { in1, in2, fin, off, fout, out1, out2, out2, tree };

	for (unsigned i = 0; i < ARRAY_SIZE(order); i++)
		entry_commit(&r, &e, order[i]);
	assert_string_equal(rig_output(&r), "CPU FUNCTION                                 \n"
					    "  3  => read                                  \n"
					    "  3   | read:entry                            \n"
					    "  3    -> helper                              \n"
					    "  3     | helper:10                           \n"
					    "  3    <- helper                              \n"
					    "  3   | read:return                           \n"
					    "  3  <= read                                  \n"
					    "  3  <= read                                  \n"
					    "  3 | f:carpentry                             \n");
	rig_stop(&r);
}

static void quiet_flow_keeps_columns_without_newline(void **state)
{
	const char *options[] = { "flowindent", NULL, "quiet", NULL, NULL };
	struct rig r = { 0 };
	struct entry e = { 0 };

	(void)state;
	rig_start(&r, options);
	entry_commit(&r, &e, rig_enable(&r, &empty, 5, "p", "f", "entry"));
	assert_string_equal(rig_output(&r), "CPU FUNCTION                                 \n"
					    "  3  -> f                                     ");
	rig_stop(&r);
}

static void printf_is_verbatim(void **state)
{
	const struct dl_value_desc fields[] = { i32_desc, str_desc };
	const struct dl_conv convs[] = { { .text = "<", .text_len = 1, .conv = 'd' },
					 { .text = ",", .text_len = 1, .conv = 's' },
					 { .text = ">\n", .text_len = 2 } };
	const struct dl_format format = { convs, 3 };
	const struct dl_action a = {
		.kind = DL_ACT_PRINTF, .format = &format, .fields = fields, .n_fields = 2
	};
	const struct dl_clause clause = { .records = true, .actions = &a, .n_actions = 1 };
	struct rig r = { 0 };
	struct entry e = { 0 };

	(void)state;
	rig_start(&r, NULL);
	uint32_t epid = rig_enable(&r, &clause, 1, "dtrace", "", "BEGIN");

	item_begin(&e, 0);
	item_int(&e, -4);
	item_str(&e, "x");
	entry_commit(&r, &e, epid);
	assert_string_equal(rig_output(&r),
			    HEADING "  3      1                           :BEGIN <-4,x>\n\n");
	rig_stop(&r);
}

/* An action whose only field is text, formatted with %s. */
static struct dl_clause texting(enum dl_action_kind kind, struct dl_action *a)
{
	static const struct dl_conv conv = { .text = "", .conv = 's' };
	static const struct dl_format format = { &conv, 1 };

	*a = (struct dl_action){
		.kind = kind, .format = &format, .fields = &str_desc, .n_fields = 1
	};
	return (struct dl_clause){ .records = true, .actions = a, .n_actions = 1 };
}

static void freopen_moves_the_output_and_back(void **state)
{
	const char *quiet[] = { "quiet", NULL, NULL };
	char path[] = "/tmp/test_consume.XXXXXX", buf[64] = "";
	int fd = mkstemp(path);
	struct dl_action a[2];
	struct dl_clause open = texting(DL_ACT_FREOPEN, &a[0]);
	struct rig r = { 0 };
	struct entry e = { 0 };

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "old\n", 4), 4);
	rig_start(&r, quiet);
	uint32_t opens = rig_enable(&r, &open, 1, "dtrace", "", "BEGIN");
	uint32_t traces = rig_enable(&r, tracing(&i32_desc), 1, "dtrace", "", "BEGIN");

	for (int i = 0; i < 4; i++) {
		item_begin(&e, 0);
		item_int(&e, i);
		entry_commit(&r, &e, traces);
		item_begin(&e, 0);
		item_str(&e, i == 0 ? path : i == 1 ? "" : "/nonexistent/x");
		entry_commit(&r, &e, opens);
	}
	assert_string_equal(rig_output(&r), "023");
	assert_int_equal(pread(fd, buf, sizeof(buf) - 1, 0), 5);
	assert_string_equal(buf, "old\n1");
	assert_non_null(
		strstr(strbuf_text(&r.messages),
		       "error on enabled probe ID 1 (ID 1: dtrace:::BEGIN): couldn't freopen() "
		       "\"/nonexistent/x\": No such file or directory\n"));
	rig_stop(&r);
	close(fd);
	unlink(path);
}

static void ftruncate_empties_a_regular_file(void **state)
{
	const char *quiet[] = { "quiet", NULL, NULL };
	char path[] = "/tmp/test_consume.XXXXXX", buf[64] = "";
	int fd = mkstemp(path);
	struct dl_action a[2] = { { 0 }, { .kind = DL_ACT_FTRUNCATE } };
	struct dl_clause open = texting(DL_ACT_FREOPEN, &a[0]);
	const struct dl_clause cut = { .records = true, .actions = &a[1], .n_actions = 1 };
	struct rig r = { 0 };
	struct entry e = { 0 };

	(void)state;
	assert_int_equal(write(fd, "old\n", 4), 4);
	rig_start(&r, quiet);
	uint32_t opens = rig_enable(&r, &open, 1, "dtrace", "", "BEGIN");
	uint32_t cuts = rig_enable(&r, &cut, 1, "dtrace", "", "BEGIN");
	uint32_t traces = rig_enable(&r, tracing(&i32_desc), 1, "dtrace", "", "BEGIN");

	item_begin(&e, 0);
	item_str(&e, path);
	entry_commit(&r, &e, opens);
	item_begin(&e, 0);
	item_int(&e, 1);
	entry_commit(&r, &e, traces);
	item_begin(&e, 0);
	entry_commit(&r, &e, cuts);
	item_begin(&e, 0);
	item_int(&e, 2);
	entry_commit(&r, &e, traces);
	rig_output(&r);
	assert_int_equal(pread(fd, buf, sizeof(buf) - 1, 0), 1);
	assert_string_equal(buf, "2");
	rig_stop(&r);
	close(fd);
	unlink(path);
}

static void system_runs_after_what_came_before(void **state)
{
	const char *quiet[] = { "quiet", NULL, NULL };
	char path[] = "/tmp/test_consume.XXXXXX", command[128], buf[64] = "";
	int fd = mkstemp(path);
	struct dl_action a[2];
	struct dl_clause open = texting(DL_ACT_FREOPEN, &a[0]);
	struct dl_clause run = texting(DL_ACT_SYSTEM, &a[1]);
	struct rig r = { 0 };
	struct entry e = { 0 };

	(void)state;
	rig_start(&r, quiet);
	uint32_t opens = rig_enable(&r, &open, 1, "dtrace", "", "BEGIN");
	uint32_t runs = rig_enable(&r, &run, 1, "dtrace", "", "BEGIN");
	uint32_t traces = rig_enable(&r, tracing(&i32_desc), 1, "dtrace", "", "BEGIN");

	snprintf(command, sizeof(command), "printf shell >>%s", path);
	item_begin(&e, 0);
	item_str(&e, path);
	entry_commit(&r, &e, opens);
	item_begin(&e, 0);
	item_int(&e, 1);
	entry_commit(&r, &e, traces);
	item_begin(&e, 0);
	item_str(&e, command);
	entry_commit(&r, &e, runs);
	item_begin(&e, 0);
	item_int(&e, 2);
	entry_commit(&r, &e, traces);
	rig_output(&r);
	assert_int_equal(pread(fd, buf, sizeof(buf) - 1, 0), 7);
	assert_string_equal(buf, "1shell2");
	rig_stop(&r);
	close(fd);
	unlink(path);
}

static void setopt_takes_effect_in_order(void **state)
{
	const struct dl_value_desc fields[] = { str_desc, str_desc };
	const struct dl_action a[] = {
		{ .kind = DL_ACT_SETOPT, .fields = fields, .n_fields = 2 },
		{ .kind = DL_ACT_SETOPT, .fields = fields, .n_fields = 1 },
	};
	const struct dl_clause clause = { .records = true, .actions = a, .n_actions = 2 };
	struct rig r = { 0 };
	struct entry e = { 0 };

	(void)state;
	rig_start(&r, NULL);
	uint32_t epid = rig_enable(&r, &clause, 1, "dtrace", "", "BEGIN");

	item_begin(&e, 0);
	item_str(&e, "nonsense");
	item_str(&e, "7");
	item_begin(&e, 1);
	item_str(&e, "quiet");
	entry_commit(&r, &e, epid);
	entry_commit(&r, &e, rig_enable(&r, &empty, 2, "dtrace", "", "END"));
	assert_string_equal(rig_output(&r), HEADING "  3      1                           :BEGIN ");
	assert_string_equal(strbuf_text(&r.messages),
			    "error on enabled probe ID 1 (ID 1: dtrace:::BEGIN): "
			    "couldn't set option "
			    "\"nonsense\" to \"7\": Invalid option name\n");
	rig_stop(&r);
}

static void malformed_entries_are_reported_and_left(void **state)
{
	const char *quiet[] = { "quiet", NULL, NULL };
	struct rig r = { 0 };
	struct entry e = { 0 };

	(void)state;
	rig_start(&r, quiet);
	uint32_t epid = rig_enable(&r, tracing(&str_desc), 1, "dtrace", "", "BEGIN");

	item_begin(&e, 0); /* a string longer than its item */
	item_bytes(&e, "\xff\xff\xff\x7f", 4);
	entry_commit(&r, &e, epid);
	item_begin(&e, 0); /* an item longer than its entry */
	item_str(&e, "x");
	e.item->len = 4096;
	entry_commit(&r, &e, epid);
	item_begin(&e, 99); /* no such action */
	entry_commit(&r, &e, epid);
	e.n_items = 3; /* more items than there are */
	entry_commit(&r, &e, epid);
	entry_commit(&r, &e, 77); /* no such enabling */
	item_begin(&e, 0);
	item_str(&e, "sound");
	entry_commit(&r, &e, epid);
	assert_string_equal(rig_output(&r), "sound");
	assert_string_equal(
		strbuf_text(&r.messages),
		"error on enabled probe ID 1 (ID 1: dtrace:::BEGIN): malformed trace data\n"
		"error on enabled probe ID 1 (ID 1: dtrace:::BEGIN): malformed trace data\n"
		"error on enabled probe ID 1 (ID 1: dtrace:::BEGIN): malformed trace data\n"
		"error on enabled probe ID 1 (ID 1: dtrace:::BEGIN): malformed trace data\n"
		"malformed trace data: no enabled probe ID 77\n");
	rig_stop(&r);
}

static void faults_name_the_action(void **state)
{
	struct rig r = { 0 };

	(void)state;
	rig_start(&r, NULL);
	uint32_t epid = rig_enable(&r, &empty, 4, "dtrace", "", "END");
	struct dl_fault_info f = {
		.epid = epid, .action = 2, .offset = 12, .fault = DL_FLT_BADADDR, .addr = 0x10
	};

	dl_consumer_fault(r.consumer, &f);
	f = (struct dl_fault_info){ .epid = epid, .offset = -1, .fault = DL_FLT_DIVZERO };
	dl_consumer_fault(r.consumer, &f);
	assert_string_equal(
		strbuf_text(&r.messages),
		"error on enabled probe ID 1 (ID 4: dtrace:::END): invalid address (0x10) in "
		"action #2 at DIF offset 12\n"
		"error on enabled probe ID 1 (ID 4: dtrace:::END): divide-by-zero in predicate\n");
	rig_stop(&r);
}

static void drops_are_counted_by_kind(void **state)
{
	const char *options[] = { "droptags", NULL, NULL };
	struct rig r = { 0 };

	(void)state;
	rig_start(&r, NULL);
	dl_count_cpu_drop(r.state, DL_DROP_AGG, 3);
	dl_count_cpu_drop(r.state, DL_DROP_AGG, 0);
	dl_count_cpu_drop(r.state, DL_DROP_AGG, 3);
	dl_count_drop(r.state, DL_DROP_SPECBUSY);
	dl_consumer_drops(r.consumer);
	dl_consumer_drops(r.consumer);
	assert_string_equal(strbuf_text(&r.messages),
			    "1 aggregation drop on CPU 0\n"
			    "2 aggregation drops on CPU 3\n"
			    "1 failed speculation (available buffer(s) still busy)\n");
	rig_stop(&r);
	r = (struct rig){ 0 };
	rig_start(&r, options);
	dl_count_drop(r.state, DL_DROP_DYNVAR);
	dl_consumer_drops(r.consumer);
	assert_string_equal(strbuf_text(&r.messages),
			    "[DTRACEDROP_DYNAMIC] 1 dynamic variable drop\n");
	rig_stop(&r);
}

static void a_full_disk_is_an_error(void **state)
{
	FILE *full = fopen("/dev/full", "w");
	struct rig r = { 0 };
	struct entry e = { 0 };
	struct error *err;

	(void)state;
	assert_non_null(full);
	rig_start(&r, NULL);
	dl_consumer_destroy(r.consumer);
	r.consumer = dl_consumer_create(&(struct dl_consumer_config){ .state = r.state,
								      .options = r.options,
								      .ops = &rig_ops,
								      .ctx = &r,
								      .out = full,
								      .out_name = "<stdout>" });
	entry_commit(&r, &e, rig_enable(&r, &empty, 1, "dtrace", "", "BEGIN"));
	err = dl_consumer_run(r.consumer);
	if (!err)
		err = dl_consumer_flush(r.consumer);
	assert_non_null(err);
	assert_string_equal(err->message, "failed to write to <stdout>: No space left on device");
	error_destroy(err);
	rig_stop(&r);
	fclose(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_heading_comes_with_the_first_record),
		cmocka_unit_test(test_mode_leaves_out_columns_and_last_newline),
		cmocka_unit_test(integers_have_a_width_by_size),
		cmocka_unit_test(strings_are_always_text),
		cmocka_unit_test(bytes_are_text_only_if_they_look_like_it),
		cmocka_unit_test(tracemem_dumps_what_was_recorded),
		cmocka_unit_test(stacks_are_indented_and_symbols_padded),
		cmocka_unit_test(flow_indents_once_per_probe),
		cmocka_unit_test(quiet_flow_keeps_columns_without_newline),
		cmocka_unit_test(printf_is_verbatim),
		cmocka_unit_test(freopen_moves_the_output_and_back),
		cmocka_unit_test(ftruncate_empties_a_regular_file),
		cmocka_unit_test(system_runs_after_what_came_before),
		cmocka_unit_test(setopt_takes_effect_in_order),
		cmocka_unit_test(malformed_entries_are_reported_and_left),
		cmocka_unit_test(faults_name_the_action),
		cmocka_unit_test(drops_are_counted_by_kind),
		cmocka_unit_test(a_full_disk_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
