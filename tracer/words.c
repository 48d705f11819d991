/*
 * Splitting a -c command into words: at white space, as DTrace always did;
 * quotes and backslashes are honoured as in a shell, so that a word may hold
 * blanks.  No variables, no globs.
 */
#include <stdlib.h>
#include <string.h>

#include "../dlang/strbuf.h"
#include "cli.h"

static bool is_blank(char c)
{
	return c && strchr(" \t\n\v\f\r", c);
}

/* Reads one word at *p into sb; an unclosed quote is an error. */
static struct error *read_word(const char **p, struct strbuf *sb)
{
	char quote = '\0';

	for (; **p && (quote || !is_blank(**p)); (*p)++) {
		char c = **p;

		if (c == '\\' && quote != '\'' && (*p)[1]) {
			char next = (*p)[1];

			/* In double quotes a backslash only guards what needs it. */
			if (quote == '"' && !strchr("\"\\$`", next))
				strbuf_putc(sb, c);
			strbuf_putc(sb, next);
			(*p)++;
		} else if (quote ? c == quote : c == '\'' || c == '"') {
			quote = quote ? '\0' : c;
		} else {
			strbuf_putc(sb, c);
		}
	}
	if (quote)
		return error_format(ERR_OTHER, "no closing %c", quote);
	return NULL;
}

void cli_free_words(char **words)
{
	for (char **w = words; w && *w; w++)
		free(*w);
	free(words);
}

struct error *cli_split_words(const char *text, char ***ret)
{
	VEC(char *) words = { 0 };
	struct error *err = NULL;

	while (!err) {
		struct strbuf sb = { 0 };
		char *word = NULL;

		while (is_blank(*text))
			text++;
		if (!*text)
			break;
		err = read_word(&text, &sb);
		if (!err && (!(word = strbuf_take(&sb)) || !vec_push(&words, word))) {
			free(word);
			err = &error_nomem;
		}
		strbuf_deinit(&sb);
	}
	if (!err && words.n == 0)
		err = error_format(ERR_OTHER, "the command is empty");
	if (!err && !vec_push(&words, NULL))
		err = &error_nomem;
	if (err) {
		for (size_t i = 0; i < words.n; i++)
			free(words.items[i]);
		free(words.items);
		return err;
	}
	*ret = words.items;
	return NULL;
}
