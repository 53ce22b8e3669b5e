#!/usr/bin/env python3
"""make soak: Debian's programs in random order, in one small machine, for half an hour.

The scripts of tests/programs and stress-ng's memory stressors one by one. After each its output is
compared with Linux's, and no more may be in use than before, as in `make test-programs`.
Environment: SEED (the order; printed), MINUTES (30), MEM (256), T (a glob over the names).
"""
import os
import random
import subprocess
import sys
import tempfile

import cases
import programs
import test
import vm

STRESSORS = """brk bigheap mmap mmapfork mremap mprotect mincore mlock msync munmap madvise shm shm-sysv
    stack fork vfork clone fault vm vm-splice malloc memfd zero pthread""".split()

GUEST = cases.LEAVING_NOTHING + programs.ENVIRONMENT + r"""
exec </dev/null
deadline=$(( $(date +%s) + SECONDS_LEFT ))
run() ( # NAME
	mkdir /tmp/t; cd /tmp/t
	less=
	case $1 in # what 256 MiB can hold
	shm) less="--shm-bytes 1M" ;;
	msync) less="--msync-bytes 32M" ;;
	esac
	if [ -e /soak/$1.sh ]; then
		bash /soak/$1.sh >/tmp/out 2>&1
		printf '[exit %d]\n' $? >>/tmp/out
		cmp -s /tmp/out /soak/$1.txt || { diff /soak/$1.txt /tmp/out; exit 1; }
	else
		stress-ng --$1 1 $less --timeout 2 --verify >/tmp/out 2>&1 || { cat /tmp/out; exit 1; }
	fi
	cd /
	rm -rf /tmp/t /tmp/out /tmp/kept
	rm -rf /dev/shm/* # shm's parent may end before its child has told it of a segment
)
n=0
for name in ORDER; do
	[ $(date +%s) -lt $deadline ] || break
	leaving_nothing run $name >/tmp/said && [ ! -s /tmp/said ] || {
		echo "$name:"
		cat /tmp/said
		ps axo pid,ppid,stat,rss,args
		exit 1
	}
	n=$(( n + 1 ))
	echo "$(( deadline - $(date +%s) )) s left: $name"
done
echo "$n programs"
"""
TOO_LARGE = {"program.sort"}  # it needs 256 MiB for itself


def order(names, seed, minutes):
    """More names than there is time for, each round shuffled anew."""
    chance, result = random.Random(seed), []
    for _ in range(10 * minutes):
        chance.shuffle(names)
        result += names
    return result


def folder(found, script):
    """What is laid over the guest's root."""
    place = tempfile.TemporaryDirectory(prefix="soak.")
    os.makedirs(os.path.join(place.name, "soak"))
    for program in found:
        stem = program.name.split(".", 1)[1]
        for source, suffix in (program.source, ".sh"), (program.expected, ".txt"):
            with open(os.path.join(place.name, "soak", stem + suffix), "wb") as file:
                file.write(test.read(source))
    with open(os.path.join(place.name, "soak/run"), "w", encoding="ascii") as file:
        file.write(script)
    return place


def main():
    pattern = os.environ.get("T") or "*"
    seed = int(os.environ.get("SEED") or random.randrange(1 << 31))
    minutes = int(os.environ.get("MINUTES") or 30)
    found = [p for p in programs.found()
             if cases.matches(p.name, pattern) and p.name not in TOO_LARGE]
    names = [p.name.split(".", 1)[1] for p in found]
    names += [s for s in STRESSORS if cases.matches("stressor." + s, pattern)]
    if not names:
        print(f"soak: no program matches T='{pattern}'", file=sys.stderr)
        return 2
    print(f"soak: SEED={seed}, {minutes} minutes, {len(names)} programs", flush=True)
    script = GUEST.replace("ORDER", " ".join(order(names, seed, minutes)))
    script = script.replace("SECONDS_LEFT", str(60 * minutes))
    machine = vm.Machine(mem=os.environ.get("MEM") or "256")
    with folder(found, script) as place:
        overlay = vm.guest_files("exec sh /soak/run", place)
        with vm.Boot(machine, initramfs=programs.DEBIAN, overlay=overlay,
                     append="quiet norandmaps") as boot:
            boot.start(["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"],
                       stdin=subprocess.DEVNULL)
            problem = boot.problem(boot.wait(60 * minutes + 1200))
            status = boot.init_status()
    if problem or status:
        print(f"soak: SEED={seed}: {problem or 'a program failed'}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
