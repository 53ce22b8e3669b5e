#!/bin/sh
# The tests of the user's malloc that `make test-malloc` built into directory $1, at most a minute.
set -eu
tests=$(realpath "$(dirname "$0")")
cd "$1"
# The pages that the tests leave are the allocator's, not leaks of the C library's.
export ASAN_OPTIONS=detect_leaks=0
for bits in 64 32; do
	./unit.test$bits
	./stress.test$bits "${STEPS:-8000}" "${SEED:=$(date +%s)}"
	TMALLOC_OPTIONS=guard,junk,quarantine=0 ./stress.test$bits "$((${STEPS:-8000} / 20))" "$SEED"
done
# ThreadSanitizer knows where memory lies only if the addresses are not random.
TSAN_OPTIONS="suppressions=$tests/tsan.supp history_size=7" setarch -R \
	./stress.tsan "$((${STEPS:-8000} / 10))" "$SEED"

# What the C library's allocator does too, then all with ours: preloaded, and linked. A deadlock
# ends after a while.
run() { timeout 120 env "$@"; }
run ./interface64
run ./interface32
for program in program interface; do
	run LD_PRELOAD=./libtmalloc.so ./${program}64
	run LD_PRELOAD=./libtmalloc32.so ./${program}32
	run ./$program.linked
done

# musl, whose library calls malloc() from places of its own.
run ./malloc-tour >/dev/null

TMALLOC_OPTIONS=guard,junk,quarantine=100000 LD_PRELOAD=./libtmalloc.so ./program64 guard
TMALLOC_OPTIONS=guard,junk,quarantine=100000 ./program.linked guard
TMALLOC_OPTIONS=guard,junk,leaks LD_PRELOAD=./libtmalloc.so ./program64 guard 2>&1 |
	grep -q '^tmalloc: leak: 12345 bytes at 0x' || { echo 'run: no leak report' >&2; exit 1; }
# OPTIONS WORD LINE: what the program says at its end.
says() {
	{ TMALLOC_OPTIONS=$1 LD_PRELOAD=./libtmalloc.so ./program64 "$2" || true; } 2>&1 |
		grep -q "^tmalloc: $3" || { echo "run: $1 $2: no \"$3\"" >&2; exit 1; }
}
says junk overflow 'overflow: what lies behind a block was written to: 0x'
says guard overflow 'overflow: what lies behind a block was written to: 0x'
says junk late 'use after free: a freed block was written to: 0x'
says 'junk, leaks,jnuk,stats' guard 'TMALLOC_OPTIONS: not known: jnuk$'
TMALLOC_OPTIONS=json=heap.json,svg=heap.svg LD_PRELOAD=./libtmalloc.so perl -e 'print "hello\n"'
python3 -c 'import json; assert json.load(open("heap.json"))["classes"]'
python3 -c 'import xml.dom.minidom as x; x.parse("heap.svg")'
echo 'test-malloc: ok'
