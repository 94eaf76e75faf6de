/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DECODE_EVTX_H
#define DECODE_EVTX_H

/*
 * Windows event log files, read without libraries and without making XML: BinXML templates are compiled once to
 * lists "field name <- substitution n" and each record then copies values. Worker (chunks) and scan (files). Pure.
 *
 * Sources: [MS-EVEN6] 2.2.16-2.2.18 (BinXml), and the file layout as described by the libevtx documentation ("Windows
 * XML Event Log (EVTX)"). A chunk is self-contained: 64 KB, its own string and template tables, so a chunk is also the
 * unit that the journal keeps (RAW_EVTX_CHUNK).
 *
 * Native field names follow Sigma: Channel, EventID, Provider_Name, Computer, EventRecordID, ... and EventData/UserData
 * names with their spaces removed ("Threat Name" -> ThreatName); nameless Data are joined with newlines under "Data".
 * Elements of other sections get that section's name in front (RenderingInfo_Message). Arrays are one element a line.
 * Hexadecimal numbers are written as the event viewer does, not zero-padded (0x1eba8); GUIDs without braces; times with
 * microseconds. White space at the end of a text is part of it ("cmd.exe ").
 */

#include "decode/decode.h"

#define EVTX_HEADER 4096u
#define EVTX_CHUNK 65536u
#define EVTX_CHUNK_HEADER 512u

/* Templates that were compiled before: writers send the same ones in every chunk. Belongs to one decoder, because it holds
 * ids of its names; events borrow from it. Bounded; what an event says does not depend on it. */
struct evtx_cache;
struct evtx_cache *evtx_cache_new(void);
void evtx_cache_free(struct evtx_cache *cache);

struct evtx_file {
	struct str bytes; /* whole file, mapped */
	size_t at;        /* offset of the next chunk */
};

/* E_INVALID when the file header is not that of an event log. Damaged header checksums are accepted (dirty files). */
[[nodiscard]] int evtx_open(struct str bytes, struct evtx_file *ret);
/* Next 64 KB chunk (the last one may be short); false at the end. Chunks without magic are skipped. */
bool evtx_next_chunk(struct evtx_file *f, struct str *ret_chunk);
/* Bytes of a chunk that have to be read, as its header says: up to the end of its last record and as many more as tell
 * whether another one follows. `front` is the chunk or its first EVTX_CHUNK_HEADER bytes and more; 0: it is no chunk. */
size_t evtx_chunk_used(struct str front);
/* All readable records of one chunk, in file order. Resumes at the next record header after a damaged one; goes on behind
 * the end that the chunk header states while the records' numbers do. E_INVALID when it is no chunk; E_LIMIT when the
 * arena is full, with what fitted and the rest failed. The chunk may be short: unless ret->cut, it says what the whole
 * one does. */
[[nodiscard]] int evtx_decode_chunk(struct decode_context *c, struct str chunk, const struct raw *raw,
    struct decode_result *ret);

#endif
