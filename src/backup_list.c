/* SPDX-License-Identifier: EUPL-1.2 */
#include "backup_list.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/time.h"

#define HEAD "khien backup 1"
#define FILES_MAX (4u << 20)

bool
backup_path_is_good(struct str path)
{
	struct str part;
	if (!path.n || path.n > 1024 || path.p[0] == '/' || path.p[path.n - 1] == '/')
		return false;
	for (size_t i = 0; i < path.n; i++)
		if ((unsigned char)path.p[i] < 32 || path.p[i] == 127)
			return false;
	while (str_split(&path, '/', &part))
		if (!part.n || str_eq(part, STR(".")) || str_eq(part, STR("..")))
			return false;
	return true;
}

void
backup_list_head(const struct backup_list *l, struct buf *out)
{
	buf_addf(out, HEAD "\nmade %lld\nprogram %.*s\nschema %d\nblock %llu\nrecord %llu %.*s\n", (long long)l->made_ms,
	    STR_ARG(l->program), l->schema, (unsigned long long)l->block, (unsigned long long)l->record_size,
	    STR_ARG(l->record_root));
}

void
backup_list_file(const struct backup_file *f, struct buf *out)
{
	buf_addf(out, "file %o %llu %lld %u %.*s\n", f->mode, (unsigned long long)f->size, (long long)f->mtime_ns, f->pieces,
	    STR_ARG(f->path));
	for (uint32_t i = 0; i < f->pieces; i++) {
		buf_add_hex(out, f->piece[i].bytes, REPO_ID);
		buf_add_char(out, '\n');
	}
}

void
backup_list_end(uint32_t files, struct buf *out)
{
	buf_addf(out, "end %u\n", files);
}

/* The rest of a line that begins with `word` and a blank. */
static bool
line_of(struct str *text, struct str word, struct str *ret)
{
	struct str line;
	if (!str_split(text, '\n', &line) || !str_starts(line, word) || line.n <= word.n || line.p[word.n] != ' ')
		return false;
	*ret = str_skip(line, word.n + 1);
	return true;
}

static bool
number_line(struct str *text, struct str word, uint64_t *ret)
{
	struct str value;
	return line_of(text, word, &value) && str_to_u64(value, ret);
}

static int
read_head(struct str *text, struct backup_list *ret)
{
	struct str line, part;
	uint64_t made, schema;
	if (!str_split(text, '\n', &line) || !str_starts(line, STR("khien backup ")))
		return E_INVALID;
	if (!str_eq(line, STR(HEAD)))
		return E_UNSUPPORTED;
	if (!number_line(text, STR("made"), &made) || !line_of(text, STR("program"), &ret->program) ||
	    !number_line(text, STR("schema"), &schema) || schema > 9999 || !number_line(text, STR("block"), &ret->block) ||
	    !line_of(text, STR("record"), &line) || !str_split(&line, ' ', &part) || !str_to_u64(part, &ret->record_size))
		return E_INVALID;
	ret->made_ms = (int64_t)made;
	ret->schema = (int)schema;
	ret->record_root = line;
	return 0;
}

static bool
read_mode(struct str text, uint32_t *ret)
{
	*ret = 0;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '7')
			return false;
		*ret = *ret << 3 | (uint32_t)(text.p[i] - '0');
	}
	return text.n > 0 && text.n <= 4;
}

static int
read_pieces(struct str *text, struct arena *arena, struct backup_file *f)
{
	struct repo_id *id = arena_calloc(arena, f->pieces ? f->pieces : 1, sizeof *id);
	if (!id)
		return E_LIMIT;
	for (uint32_t i = 0; i < f->pieces; i++) {
		struct str line;
		size_t n;
		if (!str_split(text, '\n', &line) ||
		    sodium_hex2bin(id[i].bytes, REPO_ID, line.p, line.n, NULL, &n, NULL) != 0 || n != REPO_ID)
			return E_INVALID;
	}
	f->piece = id;
	return 0;
}

static int
read_file(struct str line, struct str *text, struct arena *arena, struct backup_file *ret)
{
	struct str mode, size, mtime, pieces;
	uint64_t count;
	if (!str_split(&line, ' ', &mode) || !read_mode(mode, &ret->mode) || !str_split(&line, ' ', &size) ||
	    !str_to_u64(size, &ret->size) || !str_split(&line, ' ', &mtime) || !str_to_i64(mtime, &ret->mtime_ns) ||
	    !str_split(&line, ' ', &pieces) || !str_to_u64(pieces, &count) || !backup_path_is_good(line))
		return E_INVALID;
	if (count != ret->size / REPO_PIECE + (ret->size % REPO_PIECE != 0) || count > text->n / (2 * REPO_ID))
		return E_INVALID;
	ret->path = line;
	ret->pieces = (uint32_t)count;
	return read_pieces(text, arena, ret);
}

static int
by_path(const void *a, const void *b)
{
	return str_cmp(((const struct backup_file *)a)->path, ((const struct backup_file *)b)->path);
}

int
backup_list_read(struct str text, struct arena *arena, struct backup_list *ret)
{
	struct backup_list l = {0};
	struct backup_file *file = NULL;
	size_t files = 0, cap = 0;
	struct str line = {0};
	uint64_t said;
	int error = read_head(&text, &l);
	while (!error && str_split(&text, '\n', &line) && str_starts(line, STR("file "))) {
		struct backup_file f = {0};
		error = files == FILES_MAX ? E_LIMIT : read_file(str_skip(line, 5), &text, arena, &f);
		if (error)
			break;
		MEM_GROW(file, files, cap);
		file[files++] = f;
	}
	if (!error && (!str_starts(line, STR("end ")) || !str_to_u64(str_skip(line, 4), &said) || said != files || text.n))
		error = E_TRUNCATED;
	struct backup_file *kept = error ? NULL : arena_calloc(arena, files ? files : 1, sizeof *kept);
	if (kept && files) {
		qsort(file, files, sizeof *file, by_path);
		memcpy(kept, file, files * sizeof *file);
	}
	mem_free(file);
	if (error || !kept)
		return error ? error : E_LIMIT;
	l.file = kept;
	l.files = (uint32_t)files;
	*ret = l;
	return 0;
}

const struct backup_file *
backup_list_find(const struct backup_list *l, struct str path)
{
	struct backup_file wanted = {.path = path};
	return l->files ? bsearch(&wanted, l->file, l->files, sizeof wanted, by_path) : NULL;
}
