/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/asset.h"

#include <stdlib.h>

#ifdef KHIEN_UI

#define ASSET(path, type, etag, n, compress)                                                                           \
	extern const char asset_plain_##n[], asset_plain_##n##_end[], asset_gzip_##n[], asset_gzip_##n##_end[];
#include "web/assets.inc"
#undef ASSET

struct row {
	const char *path, *type, *etag;
	const char *plain, *plain_end, *gzip, *gzip_end;
};

static const struct row rows[] = {
#define ASSET(path, type, etag, n, compress)                                                                           \
	{path, type, etag, asset_plain_##n, asset_plain_##n##_end, asset_gzip_##n, (compress) ? asset_gzip_##n##_end : asset_gzip_##n},
#include "web/assets.inc"
#undef ASSET
};

const struct asset *
asset_find(struct str path)
{
	static struct asset found;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row *r = &rows[i];
		if (!str_eq(str_z(r->path), path))
			continue;
		found = (struct asset){str_z(r->path), str_z(r->type), str_z(r->etag),
		    str_from(r->plain, (size_t)(r->plain_end - r->plain)), str_from(r->gzip, (size_t)(r->gzip_end - r->gzip))};
		return &found;
	}
	return NULL;
}

bool
assets_present(void)
{
	return COUNT(rows) > 0;
}

#else

const struct asset *
asset_find(struct str path)
{
	return NULL;
}

bool
assets_present(void)
{
	return false;
}

#endif
