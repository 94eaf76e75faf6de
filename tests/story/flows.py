# SPDX-License-Identifier: EUPL-1.2
"""Flows and DNS questions of Suricata, Zeek and BIND, over RELP, TCP and UDP, become alerts that explain themselves: who,
with which numbers, beside which thresholds. What is ordinary (a busy server, time, a backup) makes none."""
import datetime, random
from desk import *

random.seed(1)
BEGIN = time.time() - 3500


def stamp(after):
    return datetime.datetime.fromtimestamp(BEGIN + after, datetime.timezone.utc).isoformat(timespec="microseconds")


def frame(program, event):
    return f"<142>1 {stamp(0)} ids-xa {program} 7 - - {json.dumps(event)}".encode()


def eve(after, source, target, port, state="closed", proto="TCP", out=1300, back=2100, packets=(8, 6), **more):
    return {"timestamp": stamp(after + 5), "event_type": "flow", "src_ip": source, "src_port": random.randint(20000, 60000),
            "dest_ip": target, "dest_port": port, "proto": proto,
            "flow": {"pkts_toserver": packets[0], "pkts_toclient": packets[1], "bytes_toserver": out, "bytes_toclient": back,
                     "start": stamp(after), "end": stamp(after + 4), "age": 4, "state": state}, **more}


def question(after, source, name, kind):
    return {"timestamp": stamp(after), "event_type": "dns", "src_ip": source, "src_port": 40000, "dest_ip": "10.21.4.53",
            "dest_port": 53, "proto": "UDP", "dns": {"version": 2, "type": "query", "id": 7, "rrname": name, "rrtype": kind}}


def letters(n):
    return "".join(random.choice("abcdefghijklmnopqrstuvwxyz234567") for _ in range(n))


events = []
# A worm on 10.21.4.20 looks for file shares; a beacon of 10.21.4.30; a tunnel of 10.21.4.40 (told by Zeek below: a port scan)
events += [eve(i, "10.21.4.20", f"10.30.0.{i}", 445, "new", out=132, back=0, packets=(2, 0)) for i in range(1, 61)]
events += [eve(60 * i + random.uniform(-2, 2), "10.21.4.30", "198.51.100.200", 443) for i in range(40)]
events += [question(2 * i, "10.21.4.40", f"{letters(30)}.{letters(25)}.t.cap-nhat.com.vn", "TXT") for i in range(80)]
# And the ordinary: visitors of a web server, time, monitoring that gets its answers, names of a content network, mail
events += [eve(10 * i, f"203.0.113.{i % 250}", "10.21.4.10", 443, out=900, back=40000) for i in range(300)]
events += [eve(64 * i, "10.21.4.50", "198.51.100.123", 123, proto="UDP", out=76, back=76, packets=(1, 1)) for i in range(50)]
events += [eve(60 * (i // 60) + i % 60, "10.21.4.60", f"10.21.5.{i % 60}", 161, proto="UDP", out=90, back=120, packets=(1, 1)) for i in range(600)]
events += [question(5 * i, "10.21.4.70", f"{letters(12)}.cdn.vendor.example", "A") for i in range(300)]
events += [question(5 * i, "10.21.4.25", f"{i % 250}.113.0.203.bl.filter.example", "A") for i in range(300)]
events.sort(key=lambda e: e["timestamp"])

# What the worm tries, and the name server that is asked for the tunnel, belong to somebody else: they are not meant.
PROVINCE = REGISTER.replace("systems:", "  - {id: trung-tam, name: Trung tâm, kind: centre}\nsystems:") + (
    "  - {id: dung-chung, name: Dùng chung, organisation: trung-tam, level: 3, networks: [10.30.0.0/24, 10.21.4.53/32]}\n")
desk = Desk(register=PROVINCE).start()
relp = Relp(desk.relp)
last = [relp.send(frame("suricata", e)) for e in events][-1]
check("every flow is acknowledged", relp.wait(last, 30))
zeek = [{"_path": "conn", "ts": BEGIN + 3000 + i, "uid": "C1", "id.orig_h": "10.21.4.80", "id.orig_p": 51000, "id.resp_h": "10.21.4.10",
         "id.resp_p": 1000 + i, "proto": "tcp", "conn_state": "REJ", "orig_pkts": 1, "resp_pkts": 1} for i in range(40)]
desk.tcp(b"".join(b"%d %s" % (len(f), f) for f in (frame("zeek", z) for z in zeek)))
# The province's own name server tells the same by its query log.
bind = [f"{letters(30)}.{letters(25)}.x.tai-lieu.example" for _ in range(60)]
desk.udp(*(f"<30>{time.strftime('%b %e %H:%M:%S', time.gmtime(time.time() - 60 + 7 * 3600))} ns1 named[464]: client @0x7f1c 10.21.4.90#{4000 + i} "
           f"({n}): query: {n} IN NULL + (10.21.4.53)" for i, n in enumerate(bind)))
total = len(events) + len(zeek) + len(bind)

flows = until(lambda: (lambda s: s if s["flows"] + s["questions"] == total else None)(desk.get("/api/v1/status")["flows"]), 20)
check("the status counts all of them", flows, desk.get("/api/v1/status").get("flows"))
check("and tells what is remembered", flows and flows["keys"] > 100 and flows["bytes"] > 0 and flows["evicted"] == 0 and
      flows["hosts"] >= 2 and flows["learning"] == flows["hosts"], flows)
alerts = until(lambda: (lambda a: a if len(a) >= 5 else None)(desk.get("/api/v1/alerts?limit=100")["items"]), 10) or []


def alert(source):
    mine = [a for a in desk.get("/api/v1/alerts?limit=100")["items"] if {"name": "source.ip", "value": source} in a["entity"]]
    mine = [a for a in mine if a["rule"]["title"] in ("Many machines tried on one port", "Many ports tried on one machine", "Beacon", "Tunnel through DNS")]
    return desk.get(f"/api/v1/alerts/{mine[0]['id']}") if mine else {}


def says(found):
    return {m["name"]: m["value"] for m in found["findings"][-1]["matched"]} if found.get("findings") else {}


worm = alert("10.21.4.20")
why = says(worm)
check("the worm is an alert in Vietnamese", (worm.get("rule") or {}).get("title_vi") == "Dò quét nhiều máy trên cùng một cổng", worm)
check("of the commune", (worm.get("organisation") or {}).get("id") == "xa-dong-tam", worm)
check("with its numbers and their limits", why.get("hosts") == "40" and why.get("limit.hosts") == "40" and
      why.get("destination.port") == "445" and why.get("failed_percent") == "100", why)
beacon = alert("10.21.4.30")
why = says(beacon)
check("the beacon says its period", (beacon.get("rule") or {}).get("title") == "Beacon" and 58 <= float(why["period_s"]) <= 62 and
      float(why["jitter_percent"]) < 5 and float(why["connections"]) >= 20, beacon)
check("and who is called is part of who it is", {"name": "destination.ip", "value": "198.51.100.200"} in beacon.get("entity", []), beacon)
tunnel = alert("10.21.4.40")
why = says(tunnel)
check("the tunnel names the registered domain", why.get("dns.question.registered_domain") == "cap-nhat.com.vn" and
      float(why["entropy_bits"]) > 3.5 and why["rare_type_percent"] == "100", tunnel)
check("the asker's agency has it, not the name server's", (tunnel.get("organisation") or {}).get("id") == "xa-dong-tam", tunnel)
check("which is part of who it is", {"name": "dns.question.registered_domain", "value": "cap-nhat.com.vn"} in tunnel.get("entity", []), tunnel)
check("BIND's query log shows a tunnel as well", says(alert("10.21.4.90")).get("dns.question.registered_domain") == "tai-lieu.example")
scan = alert("10.21.4.80")
check("Zeek's refused connections are a port scan", says(scan).get("ports") == "25", scan)
check("techniques go with them", "T1046" in scan.get("techniques", []) and "T1071.004" in tunnel.get("techniques", []), scan.get("techniques"))
ours = [a for a in desk.get("/api/v1/alerts?limit=100")["items"] if a["rule"]["title"] in
        ("Many machines tried on one port", "Many ports tried on one machine", "Beacon", "Tunnel through DNS", "Amplified answers", "Volume out of the ordinary")]
check("the ordinary makes no alert", len(ours) == 5, [(a["rule"]["title"], a["entity"]) for a in ours])
stored = until(lambda: (lambda e: e if len(e) == 50 else None)(desk.all_events("source.ip:10.21.4.50 khien.flow_state:answered")), 10)
check("flows are found by what became of them", stored, len(desk.all_events("source.ip:10.21.4.50")))

# The vulnerability scanner of our own team is a scan too: an exception names its address, and takes nobody else's.
before, soon = scan["count"], int(time.time() * 1000) + 3600_000
status, body, _ = desk.call("POST", "/api/v1/exceptions", {"rule": scan["rule"]["id"], "fields": [{"name": "source.ip", "value": "10.21.4.80"}],
                            "reason": "our scanner, every Sunday", "until_ms": soon, "alert": scan["id"]})
made = json.loads(body)
check("our own scanner becomes an exception", status == 201 and made["state"] == "active", body)
again = [{**z, "id.orig_h": source, "id.resp_h": "10.21.4.11"} for source in ("10.21.4.80", "10.21.4.81") for z in zeek]
desk.tcp(b"".join(b"%d %s" % (len(f), f) for f in (frame("zeek", z) for z in again)))
check("another one's scan still rings", until(lambda: says(alert("10.21.4.81")).get("ports") == "25", 20))
taken = until(lambda: next(e["matched"] for e in desk.get("/api/v1/exceptions")["items"] if e["id"] == made["id"]), 10)
check("ours does not, and is counted", taken == 1 and alert("10.21.4.80")["count"] == before, (taken, alert("10.21.4.80")))
metrics = desk.call("GET", "/metrics")[1].decode()
check("metrics say the same", f"khien_flows_total {sum(e['event_type'] == 'flow' for e in events) + len(zeek) + len(again)}" in metrics and
      "khien_flow_keys " in metrics and "khien_flow_hosts_learning " in metrics, metrics[-1500:])
desk.close()
done()
