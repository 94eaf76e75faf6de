#!/bin/sh
# SPDX-License-Identifier: EUPL-1.2
# bench/relp.sh [BUILD] [SECONDS]: durable acknowledgements a second of Khien's collector beside rsyslog's imrelp, in the same
# run on the same disk: rsyslog with a synced disk queue (as durable as ours) and with its default queue (which may lose
# what it acknowledged). Needs: ninja -C BUILD khien bench/bench_relp; the packages rsyslog and rsyslog-relp.
set -eu
build=${1:-build}
seconds=${2:-5}
work=$(mktemp -d "${TMPDIR:-/tmp}/khien-bench.XXXXXX")
pids=
trap 'for p in $pids; do kill "$p" 2>/dev/null || true; done; wait 2>/dev/null; rm -rf "$work"' EXIT INT TERM

measure() { # NAME PORT PID WINDOW
	printf '%-28s ' "$1"
	"$build/bench/bench_relp" "127.0.0.1:$2" "$4" "$seconds" "$3" || true
}

rsyslog() { # NAME PORT CONFIGURATION WINDOW; a fresh one for each, so that no backlog of the last one counts
	rm -rf "${work:?}/$2"
	mkdir -p "$work/$2"
	cat > "$work/$2.conf" <<-END
		global(workDirectory="$work/$2")
		module(load="imrelp")
		$3
		input(type="imrelp" address="127.0.0.1" port="$2" maxDataSize="1m")
		action(type="omfile" file="$work/$2.log")
	END
	rsyslogd -n -i "$work/$2.pid" -f "$work/$2.conf" 2> "$work/$2.err" &
	pid=$!
	pids="$pids $pid"
	sleep 1
	measure "$1" "$2" "$pid" "$4"
	kill -9 "$pid"
	wait "$pid" 2> /dev/null || true
}

"$build/khien" serve --data "$work/khien" --relp 127.0.0.1:24501 --http 127.0.0.1:24500 2> "$work/khien.log" &
khien=$!
pids="$pids $khien"
sleep 2
collect=
for p in $(cat "/proc/$khien/task/$khien/children"); do
	tr '\0' ' ' < "/proc/$p/cmdline" | grep -q 'role collect' && collect=$p
done

for window in 128 1000 10000; do
	measure "khien (durable)" 24501 "$collect" "$window"
	if command -v rsyslogd > /dev/null && ls /usr/lib/*/rsyslog/imrelp.so > /dev/null 2>&1; then
		rsyslog "rsyslog disk queue, synced" 24502 \
		    'main_queue(queue.type="Disk" queue.filename="q" queue.syncQueueFiles="on" queue.checkpointInterval="1")' "$window"
		rsyslog "rsyslog default (may lose)" 24503 '' "$window"
	fi
done
