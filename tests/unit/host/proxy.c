/* SPDX-License-Identifier: EUPL-1.2 */
#include "host/proxy.h"

#include "tap.h"

TEST(networks_are_read_whole_or_not_at_all)
{
	static const char *const good[] = {"10.0.0.0/8", "192.0.2.7", "0.0.0.0/0", "2001:db8::/32", "::1", " 127.0.0.1/32 "};
	static const char *const bad[] = {"", "/", "10.0.0.0/", "10.0.0.1/8", "10.0.0.0/33", "2001:db8::1/32", "::/129", "10.0.0", "x",
	    "10.0.0.0/8/8", "10.0.0.0/-1", "localhost"};
	struct network n;
	for (size_t i = 0; i < COUNT(good); i++)
		CHECK(network_read(str_z(good[i]), &n));
	for (size_t i = 0; i < COUNT(bad); i++)
		CHECK(!network_read(str_z(bad[i]), &n));
}

TEST(a_list_is_believed_as_far_back_as_those_who_wrote_it_are_named)
{
	static const struct {
		const char *peer, *forwarded, *client;
	} row[] = {
	    {"198.51.100.9", "203.0.113.1", "198.51.100.9"},                /* a stranger's word */
	    {"10.1.2.3", "203.0.113.1", "203.0.113.1"},
	    {"10.1.2.3", "", "10.1.2.3"},
	    {"10.1.2.3", "192.0.2.66, 203.0.113.1", "203.0.113.1"},         /* the client wrote the first himself */
	    {"10.1.2.3", "192.0.2.66, 203.0.113.1, 10.9.9.9", "203.0.113.1"}, /* two proxies in a row */
	    {"10.1.2.3", "10.4.4.4,10.9.9.9", "10.4.4.4"},                  /* a client of the house */
	    {"10.1.2.3", "203.0.113.1, nonsense", "10.1.2.3"},
	    {"10.1.2.3", "203.0.113.1,", "10.1.2.3"},
	    {"10.1.2.3", ",,,", "10.1.2.3"},
	    {"10.1.2.3", "203.0.113.1:51000", "203.0.113.1"},
	    {"10.1.2.3", "[2001:db8::1]:443", "2001:db8::1"},
	    {"10.1.2.3", "[", "10.1.2.3"},
	    {"10.1.2.3", "2001:0db8:0000::0001", "2001:db8::1"},            /* one name for one address */
	    {"::ffff:10.1.2.3", "203.0.113.1", "203.0.113.1"},
	    {"::ffff:203.0.113.5", "192.0.2.1", "203.0.113.5"},
	    {"2001:db8:aa::1", "203.0.113.1", "203.0.113.1"},
	    {"2001:db8:ab::1", "203.0.113.1", "2001:db8:ab::1"},
	    {"unknown", "203.0.113.1", "unknown"},
	};
	struct network n[2];
	CHECK(network_read(STR("10.0.0.0/8"), &n[0]) && network_read(STR("2001:db8:aa::/48"), &n[1]));
	for (size_t i = 0; i < COUNT(row); i++) {
		char client[PROXY_CLIENT_BYTES];
		proxy_client(n, 2, str_z(row[i].peer), str_z(row[i].forwarded), client);
		CHECK_STR(str_z(client), str_z(row[i].client));
		proxy_client(n, 0, str_z(row[i].peer), str_z(row[i].forwarded), client);
		CHECK(strcmp(client, "203.0.113.1") != 0); /* no proxy is named: nobody is believed */
	}
}
