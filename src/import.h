/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef IMPORT_H
#define IMPORT_H

/* khien import: indicator feeds from files into the database, whether the desk runs or not. */

int import_command(int argc, char **argv);

#endif
