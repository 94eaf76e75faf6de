/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Cisco ASA and IOS: the tag is "%FACILITY-SEVERITY-MNEMONIC"; the sentences behind it are those most sent of a thousand
 * (Cisco, "ASA Series Syslog Messages" and "IOS System Message Guide").
 */
#include "decode/lines.h"
#include "decode/pattern.h"

#define P(form, action, outcome) {form, STR_INIT(action), OUTCOME_##outcome}

static const struct pattern cisco_table[] = {
	P("Deny %O src %_:%I/%P dst %_:%D/%d by", "firewall_deny", FAILURE),
	P("Deny %O src %_:%I dst %_:%D (", "firewall_deny", FAILURE),
	P("Deny inbound %O src %_:%I dst %_:%D (", "firewall_deny", FAILURE),
	P("Deny inbound protocol %O src %_:%I dst %_:%D", "firewall_deny", FAILURE),
	P("Deny inbound %O from %I/%P to %D/%d on interface", "firewall_deny", FAILURE),
	P("Inbound %O connection denied from %I/%P to %D/%d flags", "firewall_deny", FAILURE),
	P("Deny %O (no connection) from %I/%P to %D/%d flags", "firewall_deny", FAILURE),
	P("%O access denied by ACL from %I/%P to %_:%D/%d", "firewall_deny", FAILURE),
	P("%O access permitted from %I/%P to %_:%D/%d", "firewall_accept", SUCCESS),
	P("access-list %_ denied %O %_/%I(%P) -> %_/%D(%d)", "firewall_deny", FAILURE),
	P("access-list %_ permitted %O %_/%I(%P) -> %_/%D(%d)", "firewall_accept", SUCCESS),
	P("Built inbound %O connection %_ for %_:%I/%P (%_) to %_:%D/%d (", "firewall_accept", SUCCESS),
	P("Built outbound %O connection %_ for %_:%D/%d (%_) to %_:%I/%P (", "firewall_accept", SUCCESS),
	P("Teardown %O connection %_ for %_:%I/%P to %_:%D/%d duration", "firewall_end", NONE),
	P("Teardown %O connection %_ from %_:%I/%P to %_:%D/%d duration", "firewall_end", NONE),
	P("list %_ denied %O %I(%P) -> %D(%d)", "firewall_deny", FAILURE),
	P("list %_ denied %O %I(%P) (%_) -> %D(%d)", "firewall_deny", FAILURE),
	P("list %_ permitted %O %I(%P) -> %D(%d)", "firewall_accept", SUCCESS),
	P("User '%U' authentication for SSH2 Session from %I (tty = %_) using crypto cipher %_ Succeeded", "login", SUCCESS),
	P("User '%U' authentication for SSH2 Session from %I (tty = %_) using crypto cipher %_ Failed", "login", FAILURE),
	P("Login Success [user: %U] [Source: %I]", "login", SUCCESS),
	P("Login failed [user: %U] [Source: %I]", "login", FAILURE),
	P("User '%U' executed the '%C' command", "command", SUCCESS),
	P("User '%U' executed cmd: %C", "command", SUCCESS),
	P("Configured from console by %U on %_ (%I)", "configured", SUCCESS),
	P("Configured from console by %U", "configured", SUCCESS),
	P("AAA user authentication Rejected : reason = %_ : server = %_ : user = %U : user IP = %I", "login", FAILURE),
	P("AAA user authentication Successful : server = %_ : user = %U", "login", SUCCESS),
};

/* "%ASA-4-106023": facility, severity, mnemonic. */
static bool
read_tag(struct decode_context *c, struct str tag, struct event *e)
{
	ptrdiff_t last = text_find_last(tag, '-');
	struct str head = str_cut(tag, 1, last < 0 ? 0 : (size_t)last);
	ptrdiff_t middle = text_find_last(head, '-');
	if (!str_starts(tag, STR("%")) || last < 0 || middle < 1 || !text_is_number(str_skip(head, (size_t)middle + 1)))
		return false;
	struct str mnemonic = str_skip(tag, (size_t)last + 1);
	text_add(c, e, STR("mnemonic"), mnemonic);
	text_add(c, e, STR("cisco_facility"), str_cut(head, 0, (size_t)middle));
	text_add(c, e, STR("cisco_severity"), str_skip(head, (size_t)middle + 1));
	event_put_core(e, F_EVENT_CODE, mnemonic);
	e->code = mnemonic;
	e->service = str_starts(head, STR("ASA")) || str_starts(head, STR("FTD")) ? STR("asa") : STR("ios");
	return true;
}

int
decode_cisco(struct decode_context *c, struct str tag, struct str message, struct event *e)
{
	if (!read_tag(c, tag, e))
		return E_INVALID;
	bool fits = pattern_decode(c, cisco_table, COUNT(cisco_table), message, e);
	const struct field *action = fits ? event_find(e, F_EVENT_ACTION) : NULL;
	bool firewall = action && str_starts(action->value, STR("firewall"));
	if (firewall) {
		const struct field *outcome = event_find(e, F_EVENT_OUTCOME);
		bool denied = outcome && str_eq(outcome->value, STR("failure"));
		text_add(c, e, STR("action"), denied ? STR("deny") : STR("accept"));
		e->category = STR("firewall");
	}
	if (fits)
		event_put_core(e, F_EVENT_CATEGORY, firewall ? STR("network") : STR("authentication"));
	event_put_core(e, F_EVENT_DATASET, STR("cisco.log"));
	e->product = STR("cisco");
	e->decoder = DECODER_CISCO;
	return 0;
}
