#!/bin/sh
# Installs what is missing, builds, runs every test: unit, fuzz replay, lint, stories, browser; both compilers; and the
# unit and fuzz tests again under AddressSanitizer and UndefinedBehaviorSanitizer. Ends with one line of counts.
set -eu
cd "$(dirname "$0")"
export KHIEN_BUILD_TESTS=1 MESON_TESTTHREADS=2
tools/build

say() { printf '\n%s\n' "== $*"; }
status=0
run() { # NAME BUILD-FOLDER [meson test arguments]
	say "$1"; folder=$2; shift 2
	meson test -C "$folder" --no-rebuild --print-errorlogs "$@" || status=1
}

run 'gcc: unit, fuzz replay, lint, stories, browser' build

say 'clang, AddressSanitizer, UndefinedBehaviorSanitizer: unit and fuzz replay'
[ -e build-asan/build.ninja ] || CC=clang meson setup build-asan -Dui=false -Db_sanitize=address,undefined \
	-Db_lundef=false -Darena_emulate=true >/dev/null
ninja -C build-asan >build-asan/ninja.log 2>&1 || { grep -A12 -E 'FAILED|error' build-asan/ninja.log | head -60; status=1; }
run 'sanitizers' build-asan --suite unit --suite fuzz --timeout-multiplier 4

tools/tally build/meson-logs/testlog.json build-asan/meson-logs/testlog.json || status=1
exit $status
