/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * block_seed FOLDER: writes the seeds of tests/fuzz/store/block.c: blocks of a few lines of ours, whole and as their
 * plain frames. Run it again when the format of a block changes.
 */
#include <stdio.h>

#include "store/archive_private.h"

static void
add_event(struct rows *rows, struct arena *arena, const struct names *names, uint32_t i, uint8_t form)
{
	struct buf line = BUF_INIT, batch = BUF_INIT;
	struct event e;
	struct str text = {0}, guid = {0};
	buf_addf(&line, "{%08x-%u}", i * 2654435761u, i);
	bool ok = arena_copy(arena, buf_str(&line), &guid);
	buf_clear(&line);
	buf_addf(&line, "{\"Host\":\"web0%u\",\"Guid\":\"%.*s\",\"User\":\"tinh\\\\an\",\"Port\":%u}", i % 3, STR_ARG(guid),
	    i * 7);
	ok = ok && arena_copy(arena, buf_str(&line), &text);
	struct raw raw = {.bytes = text, .form = form, .source = i % 2, .received_ms = INT64_C(1795305600000) + i};
	batch_put(&batch, &raw);
	rows_begin(rows, i + 1, buf_str(&batch));
	event_begin(&e, arena, &raw);
	event_put(&e, names, STR("Guid"), guid, FIELD_TEXT, false);
	event_put(&e, names, STR("User"), STR("tinh\\an"), FIELD_TEXT, false);
	event_put(&e, names, STR("Host"), i % 3 ? STR("web01") : STR("web00"), FIELD_TEXT, false);
	event_put_core(&e, F_HOST_NAME, i % 3 ? STR("web01") : STR("web00"));
	if (!ok || rows_add(rows, &e) < 0)
		fprintf(stderr, "event %u was refused\n", i);
	buf_release(&line);
	buf_release(&batch);
}

static void
put_file(const char *folder, const char *name, struct str bytes)
{
	char path[1024];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *f = fopen(path, "wb");
	if (!f || fwrite(bytes.p, 1, bytes.n, f) != bytes.n)
		perror(path);
	if (f)
		fclose(f);
}

static void
put_plain(struct str block, struct buf *out)
{
	struct reader r;
	struct str plain = {0};
	reader_init(&r);
	if (reader_open(&r, block) < 0)
		return;
	const struct block *b = &r.block;
	const uint32_t counts[] = {b->rows, b->records, b->rendereds, b->batches};
	buf_add_char(out, 'F');
	for (size_t i = 0; i < COUNT(counts); i++)
		wire_put_u32(out, counts[i]);
	wire_put_u8(out, (uint8_t)(b->text_frame - FRAME_COLUMNS));
	wire_put_u8(out, (uint8_t)(b->binary_frame - b->text_frame));
	for (uint32_t i = 0; i < b->frames; i++) {
		if (reader_frame(&r, i, &plain) < 0 || plain.n > UINT16_MAX)
			plain.n = 0;
		wire_put_u16(out, (uint16_t)plain.n);
		buf_add(out, plain);
	}
	reader_release(&r);
}

int
main(int argc, char **argv)
{
	static const uint32_t sizes[] = {1, 12, 90};
	if (argc != 2)
		return 2;
	struct block_writer *writer = block_writer_new(1);
	struct names *names = names_new();
	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct rows *rows = rows_new(1, 1);
		struct buf out = BUF_INIT;
		struct arena arena;
		char name[64];
		arena_init(&arena, 65536, 16 << 20);
		for (uint32_t k = 0; k < sizes[i]; k++)
			add_event(rows, &arena, names, k, k % 5 == 4 ? RAW_EVTX_CHUNK : RAW_LINE);
		struct str block = block_write(writer, rows);
		put_plain(block, &out);
		snprintf(name, sizeof name, "frames_%u", sizes[i]);
		put_file(argv[1], name, buf_str(&out));
		buf_clear(&out);
		buf_add_char(&out, 'B');
		buf_add(&out, block);
		snprintf(name, sizeof name, "block_%u", sizes[i]);
		if (i < 2)
			put_file(argv[1], name, buf_str(&out));
		buf_release(&out);
		arena_release(&arena);
		rows_free(rows);
	}
	names_free(names);
	block_writer_free(writer);
	return 0;
}
