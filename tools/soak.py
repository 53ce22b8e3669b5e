#!/usr/bin/env python3
"""make soak: Debian's programs in random order, in one small machine, for half an hour.

The scripts of tests/programs and stress-ng's memory stressors one by one. After each its output is
compared with Linux's, as `make test-programs` does, and /proc/mm_check is read: no finding, and no
more in use than after the same program's second run (in the first round caches fill with names).
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

GUEST = """
exec </dev/null
deadline=$(( $(date +%s) + SECONDS_LEFT ))
check() { # NAME
	rm -rf /tmp/t /tmp/out /dev/shm/* # shm's parent may end before its child has told it of a segment
	runs[$1]=$(( runs[$1] + 1 ))
	for try in {1..50}; do # what the OOM killer chose may take a while to end
		sleep 0.2
		{ read -r _ findings; read -r _ frames; read -r _ _ objects; } < <(cat /proc/mm_check)
		[ "$findings" = 0 ] || { cat /proc/mm_check; exit 1; }
		(( runs[$1] <= 2 )) && frames_of[$1]=$frames objects_of[$1]=$objects
		(( frames <= frames_of[$1] + SLACK && objects <= objects_of[$1] + SLACK )) && return
	done
	echo "$1 leaves $frames frames and $objects objects in use, it left" \\
		"${frames_of[$1]} and ${objects_of[$1]}"
	ps axo pid,ppid,stat,rss,args
	exit 1
}
declare -A runs frames_of objects_of
declare -A less=([shm]="--shm-bytes 1M" [msync]="--msync-bytes 32M") # what 256 MiB can hold
n=0
for name in ORDER; do
	(( $(date +%s) < deadline )) || break
	mkdir /tmp/t; cd /tmp/t
	if [ -e /soak/$name.sh ]; then
		bash /soak/$name.sh >/tmp/out 2>&1
		printf '[exit %d]\\n' $? >>/tmp/out
		cmp -s /tmp/out /soak/$name.txt || { diff /soak/$name.txt /tmp/out; exit 1; }
	else
		stress-ng --$name 1 ${less[$name]} --timeout 2 --verify >/tmp/out 2>&1 || { cat /tmp/out; exit 1; }
	fi
	cd /
	check $name
	n=$(( n + 1 ))
	echo "$(( deadline - $(date +%s) )) s left: $name ($frames frames, $objects objects)"
done
echo "$n programs"
"""
SLACK = 16
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
    script = script.replace("SECONDS_LEFT", str(60 * minutes)).replace("SLACK", str(SLACK))
    machine = vm.Machine(mem=os.environ.get("MEM") or "256")
    with folder(found, script) as place:
        overlay = vm.guest_files("exec bash /soak/run", place)
        with vm.Boot(machine, initramfs=programs.DEBIAN, overlay=overlay, append="quiet") as boot:
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
