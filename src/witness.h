/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef WITNESS_H
#define WITNESS_H

/*
 * `khien witness --data DIR --http ADDR:PORT --log NAME=KEY... [--name NAME]`: a second box, best somebody else's, that
 * cosigns what the records of others publish (store/witness.h) and refuses a record that was rewritten. NAME is for people, KEY
 * the log's key as /api/v1/checkpoint tells it. Prints its own key first.
 *
 * `khien witness --data DIR --log NAME=KEY --file RECORD`: the same for a copy of a record's folder on a stick (or its
 * checkpoint alone, the first time). The cosignature is put into RECORD/cosigned and printed; `khien admin cosign` takes it home.
 * Exit code 0: cosigned; 1: refused, the record was rewritten; 2: it could not be asked.
 */
int witness_command(int argc, char **argv);

#endif
