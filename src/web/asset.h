/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef WEB_ASSET_H
#define WEB_ASSET_H

/*
 * The interface's files, embedded by tools/embed (plain and gzipped), or read from a folder while developing
 * (--ui DIR). Web. The bytes live as long as the program.
 */

#include "base/bytes.h"

struct asset {
	struct str path;  /* "/app.js" */
	struct str type;
	struct str etag;  /* without quotes */
	struct str plain;
	struct str gzip;  /* empty when compressing does not help */
};

/* NULL when there is none; never follows the path into the file system. */
const struct asset *asset_find(struct str path);
/* Are there any? Built with -Dui=false there are none. */
bool assets_present(void);

#endif
