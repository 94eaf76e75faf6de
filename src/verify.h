/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef VERIFY_H
#define VERIFY_H

/*
 * `khien verify [--key KEY|FILE] [--witness KEY|FILE]... [--cosigned FILE] [--data DIR | FOLDER]`: is the record what it was? FOLDER is a copy of DIR/record,
 * on any machine, with nothing else of the desk; every entry is hashed again, every tile compared, the root and the
 * signatures checked. With --data the rows of the database are compared with the entries too, and stored events and files with
 * what the record says of them (verify_evidence.h); nothing is written there, and the desk may run.
 * With --witness it is told how far each vouches for it and how much is newer: by what it gave the desk, or by what the witness
 * itself holds (--cosigned), which nobody at the desk could change.
 * Exit code 0: yes; 1: no, and what was changed is named; 2: it could not be asked.
 *
 * `khien verify --proof FILE.tlog-proof --entry FILE --key KEY`: one entry, by its proof alone.
 */
int verify_command(int argc, char **argv);

struct note_key;
/* A key is its text, or the name of a file that holds it. E_INVALID. */
[[nodiscard]] int verify_key_read(const char *text, struct note_key *ret);

#endif
