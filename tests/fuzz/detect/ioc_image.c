/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/memory.h"
#include "detect/ioc_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
ask(struct str image)
{
	static const struct {
		enum ioc_kind kind;
		struct str value;
	} question[] = {{IOC_IP, STR_INIT("192.0.2.1")}, {IOC_IP, STR_INIT("255.255.255.255")}, {IOC_IP, STR_INIT("0.0.0.0")},
		{IOC_IP, STR_INIT("2001:db8::1")}, {IOC_DOMAIN, STR_INIT("a.b.example.com")}, {IOC_HASH, STR_INIT("x")},
		{IOC_URL, STR_INIT("http://a.example/")}, {IOC_MAIL, STR_INIT("a@b.example")}};
	struct ioc *ioc;
	struct ioc_hit hit;
	if (ioc_open(image, &ioc) < 0)
		return;
	for (size_t i = 0; i < COUNT(question); i++)
		(void)ioc_find(ioc, question[i].kind, question[i].value, 1, &hit);
	ioc_close(ioc);
}

/* An image of any bytes is refused or can be asked; also when size and checksum were made to fit. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = mem_alloc(size + 1); /* the very size, so that ASan sees one byte too far */
	struct ioc_header *h = (void *)copy;
	if (size)
		memcpy(copy, data, size);
	ask(str_from(copy, size));
	if (size >= sizeof *h) {
		h->magic = IOC_MAGIC;
		h->bytes = size;
		h->crc = crc32c(0, str_from(copy + IOC_CRC_FROM, size - IOC_CRC_FROM));
		ask(str_from(copy, size));
	}
	mem_free(copy);
	return 0;
}
