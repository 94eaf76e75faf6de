/* SPDX-License-Identifier: EUPL-1.2 */
#include "detect/yara.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <yara.h>

#include "base/memory.h"

#define NAME_MAX_BYTES 1024u
#define META_MAX 512u
#define ERRORS_TOLD 20u
#define EMPTY_SECONDS 2 /* to look at a file that has no bytes */

/* Modules that read only what is scanned. */
static const struct str safe_modules[] = {STR_INIT("dex"), STR_INIT("dotnet"), STR_INIT("elf"), STR_INIT("hash"),
	STR_INIT("macho"), STR_INIT("math"), STR_INIT("pe"), STR_INIT("time")};

/* Names that public rules expect from whoever runs them. */
static const char *const externals[] = {"filename", "filepath", "extension", "filetype", "owner"};

struct source {
	struct str text; /* terminated */
	struct str space;
};

struct yara {
	struct source *source;
	uint32_t sources, source_cap;
	struct yara_stats stats;
	YR_RULES *rules;
	YR_SCANNER *scanner;
};

/* --- compiling --- */

struct compile {
	struct str file;
	void (*on_fault)(void *user, const struct fault *f);
	void *user;
	uint32_t errors;
	char module[64]; /* imported and not ours */
};

static void
tell(struct compile *c, const char *what, struct str arg, int line)
{
	struct fault f = {0};
	if (c->errors++ >= ERRORS_TOLD || !c->on_fault)
		return;
	fault_set(&f, E_INVALID, what, arg, line > 0 ? (uint32_t)line : 0, 0);
	fault_in_file(&f, c->file);
	c->on_fault(c->user, &f);
}

static void
on_message(int level, const char *file, int line, const YR_RULE *rule, const char *message, void *user)
{
	if (level == YARA_ERROR_LEVEL_ERROR && user)
		tell(user, "yara_rule", str_z(message), line);
}

static YR_COMPILER *
compiler_new(struct compile *c)
{
	YR_COMPILER *compiler;
	if (yr_compiler_create(&compiler) != ERROR_SUCCESS)
		return NULL;
	yr_compiler_set_callback(compiler, on_message, c);
	yr_compiler_set_include_callback(compiler, NULL, NULL, NULL);
	for (size_t i = 0; i < COUNT(externals); i++)
		if (yr_compiler_define_string_variable(compiler, externals[i], "") != ERROR_SUCCESS) {
			yr_compiler_destroy(compiler);
			return NULL;
		}
	return compiler;
}

/* The name of a file without folder and ending: what its rules are called by. */
static struct str
space_of(struct str file)
{
	for (ptrdiff_t at; (at = str_find_char(file, '/')) >= 0;)
		file = str_skip(file, (size_t)at + 1);
	ptrdiff_t dot = str_find_char(file, '.');
	return dot > 0 ? str_cut(file, 0, (size_t)dot) : file;
}

/* Before a module is loaded libyara asks for its data: the moment to say no. */
static int
on_import(YR_SCAN_CONTEXT *context, int message, void *data, void *user)
{
	struct compile *c = user;
	if (message != CALLBACK_MSG_IMPORT_MODULE)
		return CALLBACK_CONTINUE;
	struct str name = str_z(((const YR_MODULE_IMPORT *)data)->module_name);
	for (size_t i = 0; i < COUNT(safe_modules); i++)
		if (str_eq(safe_modules[i], name))
			return CALLBACK_CONTINUE;
	snprintf(c->module, sizeof c->module, "%.*s", STR_ARG(name));
	return CALLBACK_ERROR;
}

/* Imports come to light by running the rules over nothing. */
static bool
imports_are_safe(struct compile *c, YR_RULES *rules)
{
	int error = yr_rules_scan_mem(rules, (const uint8_t *)"", 0, 0, on_import, c, EMPTY_SECONDS);
	if (c->module[0])
		tell(c, "yara_module", str_z(c->module), 0);
	else if (error != ERROR_SUCCESS)
		tell(c, "yara_slow", STR(""), 0);
	return !c->errors;
}

static uint32_t
count_rules(YR_RULES *rules)
{
	const YR_RULE *rule;
	uint32_t n = 0;
	yr_rules_foreach(rules, rule)
		n++;
	return n;
}

static bool
compile_alone(struct compile *c, const struct source *s, uint32_t *ret_rules)
{
	YR_RULES *rules = NULL;
	YR_COMPILER *compiler = compiler_new(c);
	if (!compiler) {
		tell(c, "yara_memory", STR(""), 0);
		return false;
	}
	if (yr_compiler_add_string(compiler, s->text.p, "alone") == 0 && !c->errors &&
	    yr_compiler_get_rules(compiler, &rules) != ERROR_SUCCESS)
		tell(c, "yara_memory", STR(""), 0);
	if (!c->errors && rules && imports_are_safe(c, rules))
		*ret_rules = count_rules(rules);
	if (rules)
		yr_rules_destroy(rules);
	yr_compiler_destroy(compiler);
	return !c->errors;
}

int
yara_new(struct yara **ret)
{
	/* Its first use would read a configuration file, long after we may open none. */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_ADD_ALL_DIGESTS | OPENSSL_INIT_LOAD_CRYPTO_STRINGS,
	    NULL);
	if (yr_initialize() != ERROR_SUCCESS)
		return E_FULL;
	*ret = MEM_NEW(struct yara);
	return 0;
}

void
yara_free(struct yara *y)
{
	if (!y)
		return;
	if (y->scanner)
		yr_scanner_destroy(y->scanner);
	if (y->rules)
		yr_rules_destroy(y->rules);
	for (uint32_t i = 0; i < y->sources; i++)
		mem_free((void *)(uintptr_t)y->source[i].text.p);
	mem_free(y->source);
	mem_free(y);
	yr_finalize();
}

bool
yara_add(struct yara *y, struct str text, struct str file, void (*on_fault)(void *user, const struct fault *f), void *user)
{
	struct compile c = {.file = file, .on_fault = on_fault, .user = user};
	uint32_t rules = 0;
	assert(!y->rules);
	y->stats.files++;
	if (text.n > YARA_TEXT_MAX)
		tell(&c, "yara_too_big", STR(""), 0);
	else if (!str_is_utf8(text) || memchr(text.p ? text.p : "", '\0', text.n))
		tell(&c, "yara_text", STR(""), 0);
	if (c.errors) {
		y->stats.refused++;
		return false;
	}
	struct str space = space_of(file);
	char *copy = mem_calloc(text.n + space.n + 2, 1);
	if (text.n)
		memcpy(copy, text.p, text.n);
	memcpy(copy + text.n + 1, space.p, space.n);
	struct source s = {str_from(copy, text.n), str_from(copy + text.n + 1, space.n)};
	if (!compile_alone(&c, &s, &rules)) {
		mem_free(copy);
		y->stats.refused++;
		return false;
	}
	MEM_GROW(y->source, y->sources, y->source_cap);
	y->source[y->sources++] = s;
	y->stats.rules += rules;
	return true;
}

/* Two files of one name in different folders are two namespaces: the second has its number behind it. */
static void
space_name(const struct yara *y, uint32_t i, char ret[NAME_MAX_BYTES])
{
	bool taken = false;
	for (uint32_t j = 0; j < i; j++)
		taken |= str_eq(y->source[j].space, y->source[i].space);
	snprintf(ret, NAME_MAX_BYTES, taken ? "%.*s#%u" : "%.*s", STR_ARG(str_cut(y->source[i].space, 0, 256)), i);
}

int
yara_finish(struct yara *y)
{
	struct compile none = {0};
	YR_COMPILER *compiler = compiler_new(&none);
	char name[NAME_MAX_BYTES];
	int error = compiler ? 0 : E_FULL;
	for (uint32_t i = 0; i < y->sources && !error; i++) {
		space_name(y, i, name);
		if (yr_compiler_add_string(compiler, y->source[i].text.p, name) != 0)
			error = E_FULL; /* alone it was good */
	}
	if (!error && yr_compiler_get_rules(compiler, &y->rules) != ERROR_SUCCESS)
		error = E_FULL;
	if (compiler)
		yr_compiler_destroy(compiler);
	if (!error && yr_scanner_create(y->rules, &y->scanner) != ERROR_SUCCESS)
		error = E_FULL;
	return error;
}

struct yara_stats
yara_stats(const struct yara *y)
{
	return y->stats;
}

/* --- scanning --- */

struct scanning {
	struct arena *arena;
	struct yara_found *found;
	uint32_t match_cap;
};

static struct str
keep(struct scanning *s, struct str text, size_t max)
{
	struct str copy = {0};
	return arena_copy(s->arena, str_cut(text, 0, max), &copy) ? copy : (struct str){0};
}

/* Words of Sigma, words of others, or a number as a score of 0 to 100. */
static bool
level_of(const YR_META *meta, enum level *ret)
{
	static const struct {
		struct str word;
		enum level level;
	} others[] = {{STR_INIT("info"), LEVEL_INFORMATIONAL}, {STR_INIT("moderate"), LEVEL_MEDIUM},
		{STR_INIT("severe"), LEVEL_CRITICAL}};
	struct str name = str_z(meta->identifier);
	bool score = str_eq_nocase(name, STR("score"));
	if (!score && !str_eq_nocase(name, STR("level")) && !str_eq_nocase(name, STR("severity")))
		return false;
	int64_t n = meta->type == META_TYPE_INTEGER ? meta->integer : -1;
	if (meta->type == META_TYPE_STRING) {
		char word[16] = {0};
		for (size_t i = 0; meta->string[i] && i < sizeof word - 1; i++)
			word[i] = ascii_lower(meta->string[i]);
		if (level_from_name(str_z(word), ret))
			return true;
		for (size_t i = 0; i < COUNT(others); i++)
			if (str_eq(str_z(word), others[i].word)) {
				*ret = others[i].level;
				return true;
			}
		if (!str_to_i64(str_z(word), &n))
			return false;
	}
	if (n < 0 || n > 100)
		return false;
	*ret = n >= 90 ? LEVEL_CRITICAL : n >= 70 ? LEVEL_HIGH : n >= 50 ? LEVEL_MEDIUM : n >= 20 ? LEVEL_LOW : LEVEL_INFORMATIONAL;
	return true;
}

static void
read_meta(struct scanning *s, const YR_RULE *rule, struct yara_match *m)
{
	struct str description = {0};
	const YR_META *meta;
	m->level = LEVEL_HIGH;
	yr_rule_metas_foreach(rule, meta)
	{
		struct str name = str_z(meta->identifier);
		if (level_of(meta, &m->level) || meta->type != META_TYPE_STRING)
			continue;
		struct str value = str_z(meta->string);
		if (str_eq_nocase(name, STR("title")))
			m->title = value;
		else if (str_eq_nocase(name, STR("title_vi")))
			m->title_vi = value;
		else if (str_eq_nocase(name, STR("description")))
			description = value;
		else if (str_eq_nocase(name, STR("reference")))
			m->reference = value;
	}
	m->title = keep(s, m->title.n ? m->title : description, META_MAX);
	m->title_vi = keep(s, m->title_vi, META_MAX);
	m->reference = keep(s, m->reference, META_MAX);
}

static void
read_tags(struct scanning *s, const YR_RULE *rule, struct yara_match *m)
{
	struct buf tags = BUF_INIT_MAX(META_MAX);
	const char *tag;
	yr_rule_tags_foreach(rule, tag)
	{
		if (tags.n)
			buf_add_char(&tags, ' ');
		buf_add(&tags, str_z(tag));
	}
	m->tags = keep(s, buf_str(&tags), META_MAX);
	buf_release(&tags);
}

/* The first place of each string that matched. */
static void
read_hits(struct scanning *s, YR_SCAN_CONTEXT *context, const YR_RULE *rule, struct yara_match *m)
{
	const YR_STRING *string;
	m->hit = arena_calloc(s->arena, YARA_HITS_MAX, sizeof *m->hit);
	if (!m->hit)
		return;
	yr_rule_strings_foreach(rule, string)
	{
		YR_MATCH match;
		if (!context->matches[string->idx].head || m->hits == YARA_HITS_MAX)
			continue;
		memcpy(&match, context->matches[string->idx].head, sizeof match); /* libyara aligns it to nothing */
		if (match.is_private)
			continue;
		struct yara_hit *h = &m->hit[m->hits++];
		h->name = keep(s, str_z(string->identifier), 128);
		h->offset = (uint64_t)(match.base + match.offset);
		h->length = (uint32_t)match.match_length;
		h->bytes = keep(s, str_from((const char *)match.data, (size_t)match.data_length), YARA_HIT_BYTES);
	}
}

static int
on_match(YR_SCAN_CONTEXT *context, int message, void *data, void *user)
{
	struct scanning *s = user;
	const YR_RULE *rule = data;
	if (message != CALLBACK_MSG_RULE_MATCHING)
		return CALLBACK_CONTINUE;
	if (s->found->matches == YARA_MATCHES_MAX || s->arena->over) {
		s->found->over++;
		return CALLBACK_CONTINUE;
	}
	struct yara_match *m = &s->found->match[s->found->matches++];
	*m = (struct yara_match){.rule = keep(s, str_z(rule->identifier), 256), .space = keep(s, str_z(rule->ns->name), 256)};
	read_meta(s, rule, m);
	read_tags(s, rule, m);
	read_hits(s, context, rule, m);
	return CALLBACK_CONTINUE;
}

/* What the rules may ask by name; set anew for every file. */
static bool
set_names(YR_SCANNER *scanner, struct str path)
{
	char text[NAME_MAX_BYTES], *name, *dot;
	size_t n = 0;
	for (size_t i = 0; i < path.n && n + 1 < sizeof text; i++)
		if (path.p[i])
			text[n++] = path.p[i];
	text[n] = '\0';
	name = strrchr(text, '/');
	name = name ? name + 1 : text;
	dot = strrchr(name, '.');
	return yr_scanner_define_string_variable(scanner, "filepath", text) == ERROR_SUCCESS &&
	    yr_scanner_define_string_variable(scanner, "filename", name) == ERROR_SUCCESS &&
	    yr_scanner_define_string_variable(scanner, "extension", dot ? dot : "") == ERROR_SUCCESS;
}

int
yara_scan(struct yara *y, struct str bytes, struct str name, int timeout_s, struct arena *arena, struct yara_found *ret)
{
	struct yara_found found = {.match = arena_calloc(arena, YARA_MATCHES_MAX, sizeof *found.match)};
	struct scanning s = {.arena = arena, .found = &found};
	assert(y->scanner);
	if (!found.match || !set_names(y->scanner, name))
		return E_FULL;
	yr_scanner_set_callback(y->scanner, on_match, &s);
	yr_scanner_set_timeout(y->scanner, timeout_s);
	yr_scanner_set_flags(y->scanner, SCAN_FLAGS_FAST_MODE | SCAN_FLAGS_REPORT_RULES_MATCHING);
	switch (yr_scanner_scan_mem(y->scanner, (const uint8_t *)(bytes.p ? bytes.p : ""), bytes.n)) {
	case ERROR_SUCCESS:
		*ret = found;
		return 0;
	case ERROR_SCAN_TIMEOUT:
		return E_LIMIT;
	case ERROR_INSUFFICIENT_MEMORY:
		return E_FULL;
	default:
		return E_INVALID;
	}
}
