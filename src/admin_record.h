/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef ADMIN_RECORD_H
#define ADMIN_RECORD_H

/*
 * `khien admin cosign --data DIR --witness KEY FILE`: takes home what a witness put on a stick (RECORD/cosigned/ID, or the lines
 * that it printed behind the checkpoint). The desk may run.
 *
 * `khien admin record-anew --data DIR --reason TEXT`: the log or its key is lost for good, or the desk came back from a backup older
 * than what its witness has seen; the record goes on in a new log, and the entry that says so is the first that the old one did not
 * have (store/record_anew.h). The old folder stays under another name. The desk must not run.
 */
int admin_cosign(int argc, char **argv);
int admin_record_anew(int argc, char **argv);

#endif
