#!/usr/bin/env python3
"""make test: everything that can be tested, several virtual machines at a time.

Environment: T, a glob over test names (commas separate alternatives); J, how many jobs at once;
V=1, a line for each passed case too; TIMEOUT, seconds for one machine.

Names are `suite.case`. The suites below are this program's; every other name is a KTEST, run on
the host under sanitizers (64 and 32 bit, if it is a unit case) and in the kernel on two CPU models
and from GRUB:
  user.NAME script.NAME  programs and scripts, compared with what Linux answered (make oracle)
  run.NAME               `make run` itself: exit statuses, bytes, terminals
  picture.NAME           the picture of memory, tile by tile, against struct page
  crash.NAME             what a panic says, and that it ends the machine
  boot.NAME bad.NAME     sizes of memory and models of CPU; boots that must be refused
  tty.NAME               a user at the keyboard
  tool.NAME              the dependency check, the initramfs writer, the KTAP reader, make abi, make
                         trace, the list of mutants
  gdb.NAME               make debug, record and replay; docs/fault-walkthrough.md typed again
  report.NAME            what make report draws, against what the kernel counts
Each job's output stays in build/test/. A failure prints the line that runs it again.
"""
import difflib
import glob
import gzip
import importlib.util
import inspect
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

import badboots
import cases
import guesttty
import ktap
import mutants
import vm
from mkinitramfs import PAGE

LOGS = os.path.join(vm.BUILD, "test")
TIMEOUT = float(os.environ.get("TIMEOUT") or 120)
VERBOSE = bool(os.environ.get("V"))
RUN = os.path.join(vm.TOP, "tools/run.py")


class Failure(Exception):
    """A test's failure: one line, and more lines that help to see why."""

    def __init__(self, why, details=()):
        super().__init__(why)
        self.details = list(details)


class Job:
    """Something that runs on its own and gives results: (name, failure or None)."""

    def __init__(self, name, function, title=None):
        self.name, self.function, self.title = name, function, title or name
        self.log = os.path.join(LOGS, re.sub(r"[^\w.-]+", "-", self.title) + ".log")

    def run(self):
        started = time.monotonic()
        try:
            results = self.function(self.log) or [(self.name, None)]
        except Failure as failure:
            results = [(self.name, failure)]
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            results = [(self.name, Failure(str(error)))]
        return self, results, time.monotonic() - started


def read(path):
    with open(path, "rb") as file:
        return file.read()


def last_lines(path, count=8):
    """The end of a log: from the panic on if there is one."""
    lines = read(path).decode(errors="replace").replace("\r", "").splitlines()
    for number, line in enumerate(lines):
        if "panic: " in line:
            return lines[number:number + 2 * count]
    return lines[-count:]


# --- KTEST cases ------------------------------------------------------------------------------

def kernel_cases():
    names = []
    for folder in "tests/unit", "tests/kernel":
        for source in sorted(glob.glob(os.path.join(vm.TOP, folder, "*.c"))):
            text = read(source).decode()
            names += [f"{suite}.{name}" for suite, name in
                      re.findall(r"^KTEST\(\s*(\w+)\s*,\s*(\w+)\s*\)", text, re.MULTILINE)]
    return names


def ktest_glob(pattern):
    """A name without a case is a suite: all of its cases."""
    return ",".join(part if "." in part or "*" in part else part + ".*"
                    for part in pattern.split(","))


def ktap_results(title, log, expected):
    """The report in a log against the cases that had to run."""
    results, errors = ktap.parse(read(log).decode(errors="replace"))
    outcome = [(case.name, None if case.ok else Failure(f"failed ({title})", case.notes))
               for case in results]
    seen = {case.name for case in results}
    missing = [name for name in expected if name not in seen]
    if missing:
        errors.append(f"{len(missing)} cases did not report, the first is {missing[0]}")
    if seen - set(expected):
        errors.append(f"unknown cases: {' '.join(sorted(seen - set(expected)))}")
    if errors:
        name = missing[0] if missing else title
        outcome.append((name, Failure(f"{'; '.join(errors)} ({title})", last_lines(log))))
    return outcome


def host_command(bits, *arguments):
    command = [os.path.join(vm.BUILD, f"host{bits}/unit"), *arguments]
    if bits == 32:
        library = "/usr/i686-linux-gnu/lib"
        command = [f"{library}/ld-linux.so.2", "--library-path", library] + command
    return command


def host_cases():
    return subprocess.run(host_command(64, "--list"), stdout=subprocess.PIPE,
                          check=True).stdout.decode().split()


def host_job(bits, pattern, expected):
    def function(log):
        command = host_command(bits, pattern)
        with open(log, "wb") as output:
            status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output,
                                    stderr=subprocess.STDOUT, timeout=TIMEOUT).returncode
        outcome = ktap_results(title, log, expected)
        if status != 0 and not any(failure for _, failure in outcome):
            outcome.append((title, Failure(f"exit status {status}", last_lines(log))))
        return outcome

    title = f"unit cases on the {bits}-bit host"
    return Job(pattern, function, title)


def kernel_job(machine, iso, pattern, expected):
    def function(log):
        with vm.Boot(machine, append=f"norandmaps selftest={pattern}", iso=iso) as boot:
            status = boot.run(log, TIMEOUT)
            problem = boot.problem(status)
        outcome = ktap_results(title, log, expected)
        if problem and not any(failure for _, failure in outcome):
            outcome.append((title, Failure(problem, last_lines(log))))
        if status == 0:
            trace_faults(machine, f"selftest={pattern}", log)
        return outcome

    title = f"kernel cases, {'GRUB' if iso else '-kernel'}, -cpu {machine.cpu}"
    return Job(pattern, function, title)


def trace_faults(machine, append, log):
    """After a triple fault: the same again, with QEMU's account of the faults beside the log."""
    machine = vm.Machine(machine.mem, machine.cpu, machine.smp, machine.accel,
                         extra=["-d", "int,cpu_reset", "-D", log + ".faults"])
    with vm.Boot(machine, append=append) as boot:
        boot.run(os.devnull, TIMEOUT)


# --- Programs and scripts in the guest --------------------------------------------------------

def run_guest(log, command, machine=None, overlay=b"", append="quiet", **boot_arguments):
    """Runs a command in a guest of its own. Returns its output and status."""
    files = overlay + vm.guest_files(command)
    with vm.Boot(machine or vm.Machine(), overlay=files, append=append, **boot_arguments) as boot:
        status = boot.run(log, TIMEOUT)
        problem = boot.problem(status)
        if problem:
            raise Failure(problem, last_lines(log))
        if boot.init_status() is None:
            raise Failure("the machine ended without process 1's status", last_lines(log))
        return read(log), boot.init_status()


def case_job(case):
    def function(log):
        if not os.path.exists(case.expected):
            raise Failure(f"nothing recorded from Linux: make oracle T={case.name}")
        output, status = run_guest(log, cases.leaving_nothing(case.script()),
                                   overlay=read(os.path.join(vm.BUILD, "tests.cpio")),
                                   append="quiet norandmaps")
        compare(cases.transcript(output, status), read(case.expected))

    return Job(case.name, function)


def compare(got, wanted):
    if got != wanted:
        lines = [text.decode(errors="replace").splitlines() for text in (wanted, got)]
        diff = list(difflib.unified_diff(*lines, "Linux", "Tessera", lineterm="", n=2))
        raise Failure("not what Linux printed", diff[:16] or [f"{wanted!r}", f"{got!r}"])


# How often the local APIC's timer has interrupted for a sleep shorter than a tick.
TICKS_ONLY = "usleep 100; usleep 100; awk '/^LOC/ { print $2 }' /proc/interrupts"


def boot_jobs():
    for mem in "16", "64", "512", "4096":
        for cpu in "max", "qemu32":
            def function(log, machine=vm.Machine(mem=mem, cpu=cpu)):
                expect_guest(log, "echo ok", b"ok\n", 0, machine=machine)
            yield Job(f"boot.{cpu}_{mem}M", function)
    for name, cpu, append in ("nolapic", "max", "quiet nolapic"), ("no_apic", "qemu32,-apic", "quiet"):
        def function(log, machine=vm.Machine(cpu=cpu), append=append):
            expect_guest(log, TICKS_ONLY, b"0\n", 0, machine=machine, append=append)
        yield Job("boot." + name, function)
    yield Job("boot.grub", lambda log: expect_guest(log, "echo ok", b"ok\n", 0, iso=True))
    yield Job("boot.gzip", boot_gzip)
    yield Job("boot.foreign_cpio", boot_foreign_cpio)
    yield Job("boot.leaves_12_of_16M", boot_leaves_memory)
    yield Job("boot.call_takes_memory", boot_call_takes_memory)


def boot_leaves_memory(log):
    """Of 16 MiB at least 12 are free when the shell runs."""
    got = run_guest(log, "grep MemFree /proc/meminfo", machine=vm.Machine(mem="16"))
    found = re.search(rb"(\d+) kB", got[0])
    if not found or int(found[1]) < 12 * 1024:
        raise Failure(f"MemFree is {found[1].decode() if found else '?'} kB", [])


def boot_call_takes_memory(log):
    """A write for which there is no page left ends the process that holds most, and goes on."""
    script = """mount -t tmpfs -o size=100% none /mnt
dd if=/dev/zero bs=12M count=1 2>/dev/null | sleep 60 &
while [ $(awk '/MemFree/ { print $2 }' /proc/meminfo) -gt 8000 ]; do sleep 0.1; done
dd if=/dev/zero of=/mnt/file bs=64k count=160 2>/dev/null; echo $?
wc -c </mnt/file
awk '/oom_kill/ { print $2 }' /proc/vmstat; rm /mnt/file"""
    out = run_guest(log, script, machine=vm.Machine(mem="24"))[0]
    if not out.endswith(b"0\n10485760\n1\n"):
        raise Failure(f"it printed {out}", [])


def boot_gzip(log):
    """One gzip stream around all archives."""
    image = log + ".cpio.gz"
    with open(image, "wb") as file:
        file.write(gzip.compress(badboots.base() + vm.guest_files("echo ok"), mtime=0))
    expect_guest(log, None, b"ok\n", 0, initramfs=image)


def boot_foreign_cpio(log):
    """An archive as people make it for Linux: by cpio(1), with no data on a page boundary. It takes
    more than half of memory, so that the copies find room only where archive has been."""
    image, folder = log + ".cpio", log + ".files"
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(os.path.join(folder, "data"))
    for i in range(22):
        with open(os.path.join(folder, "data", f"{i:02}"), "wb") as file:
            file.write(b"%08d" % i * (1 << 17))
    with open(image, "wb") as file:
        for top in os.path.join(vm.BUILD, "root"), folder:
            subprocess.run("find . | sort | cpio -o -H newc -R 0:0 --quiet", shell=True, cwd=top,
                           stdout=file, check=True)
            file.write(bytes(-file.tell() % 512))
    sums = subprocess.run("cat data/* | md5sum", shell=True, cwd=folder, check=True,
                          stdout=subprocess.PIPE).stdout
    expect_guest(log, "cat /etc/hostname; cat /data/* | md5sum", b"tessera\n" + sums, 0,
                 initramfs=image, machine=vm.Machine(mem="40"))


def expect_guest(log, command, output, status, **arguments):
    got = run_guest(log, command, **arguments)
    if got != (output, status):
        raise Failure(f"{got[0]!r} and status {got[1]}, expected {output!r} and {status}")


# --- make run ---------------------------------------------------------------------------------

RUNS = {
    # name: (CMD, its output, its status)
    "true": ("true", b"", 0),
    "status": ("exit 7", b"", 7),
    "signal": ("kill -9 $$", b"", 137),
    "quoting": ("""printf '%s\\n' "it's" 'a "b" $c' \\\\""", b"it's\na \"b\" $c\n\\\n", 0),
    "lines": ("echo one\necho two", b"one\ntwo\n", 0),
    "bytes": ("printf 'a\\tb\\r\\nc'", b"a\tb\r\nc", 0),
    "stderr": ("ls /none", b"ls: /none: No such file or directory\n", 1),
    "mm_check": ("head -n 1 /proc/mm_check", b"findings:              0\n", 0),
    "no_input": ("cat; echo end", b"end\n", 0),
}


def run_program(log, **environment):
    result = subprocess.run([RUN], env={**os.environ, "TIMEOUT": str(TIMEOUT), **environment},
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)
    with open(log, "wb") as file:
        file.write(result.stdout + result.stderr)
    if result.stderr:
        raise Failure(result.stderr.decode(errors="replace").strip())
    return result.stdout, result.returncode


def run_jobs():
    for name, (command, output, status) in RUNS.items():
        def function(log, command=command, expected=(output, status)):
            got = run_program(log, CMD=command)
            if got != expected:
                raise Failure(f"{got}, expected {expected}")
        yield Job(f"run.{name}", function)
    yield Job("run.files", run_files)
    yield Job("run.debug", run_debug)


def run_files(log):
    """FILES= lays a folder over the root; large files arrive whole."""
    folder = log + ".files"
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(os.path.join(folder, "data"))
    for name, size in ("small", 5), ("page", PAGE), ("large", 1000001):
        with open(os.path.join(folder, "data", name), "wb") as file:
            file.write(bytes(i * 7 % 251 for i in range(size)))
    files = sorted(os.listdir(os.path.join(folder, "data")))
    sums = subprocess.run(["md5sum", *files], cwd=os.path.join(folder, "data"), check=True,
                          stdout=subprocess.PIPE).stdout
    got = run_program(log, CMD="cd /data; md5sum *", FILES=folder)
    if got != (sums, 0):
        raise Failure(f"{got}, expected {sums}")


def run_debug(log):
    """make debug: gdb reaches the kernel's first C function, with symbols."""
    with open(log, "wb") as output:
        subprocess.run([os.path.join(vm.TOP, "tools/debug.py"), "-batch", "-ex",
                        "tbreak kernel_main", "-ex", "continue", "-ex", "bt"], timeout=TIMEOUT,
                       stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
    if b"#0  kernel_main (" not in read(log):
        raise Failure("gdb did not reach kernel_main", last_lines(log))


# --- Crashes: the machine's last words ---------------------------------------------------------

# provoke=NAME: what the report must say, line after line.
CRASHES = {
    "PANIC": [r"panic: provoked", r"backtrace:", r"do_panic\+", r"kernel_main\+"],
    "ACCESS_NULL": [r"panic: page fault in the kernel at 00000010", r"eax [0-9a-f]{8}",
                    r"write .*not-present page at 00000010, from kernel mode", r"access_null\+",
                    r"PDPT"],
    "WRITE_RO": [r"panic: page fault", r"write .*protected page", r"write_ro\+", r"PT +\["],
    "EXEC_DATA": [r"panic: page fault", r"protected page", r"PT +\[.*NX"],
    "EXHAUST_STACK": [r"panic: .*stack", r"recurse\+", r"\.\.\. 1\d times more", r"exhaust_stack\+"],
    "SPINLOCKUP": [r"panic: spin lock \"provoked\" taken twice", r"spin_contended\+"],
}


# The same of what a setting makes of a program's misfortune: the shell's command, and the report.
FATAL_SETTINGS = {
    "panic_on_oom": ("echo 1 >/proc/sys/vm/overcommit_memory; echo 2 >/proc/sys/vm/panic_on_oom;"
                     " dd if=/dev/zero of=/dev/null bs=200M",
                     [r"panic: out of memory: compulsory panic_on_oom is enabled", r"oom_kill"]),
}


def crash(log, patterns, append="quiet", command=None):
    machine = vm.Machine(mem="64", cpu="max")
    with vm.Boot(machine, append=append, overlay=vm.guest_files(command)) as boot:
        status = boot.run(log, TIMEOUT)
    lines = last_lines(log, 200)
    if status != vm.PANIC:
        raise Failure(f"status {status}, expected {vm.PANIC}", lines[-8:])
    rest = "\n".join(lines)
    for pattern in patterns:
        found = re.search(pattern, rest)
        if not found:
            raise Failure(f"nothing like {pattern!r} in its place", lines)
        rest = rest[found.end():]


def crash_jobs():
    for name, patterns in CRASHES.items():
        append = f"quiet provoke={name}"
        yield Job(f"crash.{name.lower()}",
                  lambda log, patterns=patterns, append=append: crash(log, patterns, append))
    for name, (command, patterns) in FATAL_SETTINGS.items():
        yield Job(f"crash.{name}", lambda log, patterns=patterns, command=command:
                  crash(log, patterns, command=command))


# --- Boots that must be refused ---------------------------------------------------------------

def refused(log, module, words, machine):
    image = None
    if module is not None:
        image = log + ".cpio"
        with open(image, "wb") as file:
            file.write(module)
    with vm.Boot(machine, initramfs=image, append="quiet") as boot:
        status = boot.run(log, TIMEOUT)
        problem = boot.problem(status)
    lines = [line for line in last_lines(log, 50) if line.strip()]
    if status != vm.BOOT:
        raise Failure(f"{problem or 'it worked'}, expected the status {vm.BOOT}", lines[-8:])
    if len(lines) != 1 or not re.search(words, lines[0], re.IGNORECASE):
        raise Failure(f"expected exactly one line, about {words}", lines[-8:])


def bad_jobs():
    for name, (module, words) in badboots.MODULES.items():
        def function(log, module=module, words=words):
            refused(log, module(), words, vm.Machine(mem="64"))
        yield Job(f"bad.{name}", function)
    for mem in badboots.TOO_SMALL:
        def function(log, mem=mem):
            refused(log, badboots.base(), badboots.MEMORY, vm.Machine(mem=mem))
        yield Job(f"bad.memory_{mem}M", function)
    yield Job("bad.no_memory_map", no_memory_map)
    yield Job("bad.not_this_one", tiny_program)


def no_memory_map(log):
    """No loader leaves the map out, so gdb takes it away: multiboot_info.flags becomes 0."""
    stub = os.path.relpath(log + ".gdb")
    machine = vm.Machine(mem="64", extra=["-S", "-gdb", f"unix:{stub},server=on,wait=off"])
    script = [f"target remote {stub}", "hbreak *kernel_main", "continue",
              "set {int}({int}($esp + 8) + 0xc0000000) = 0", "delete", "detach"]
    with vm.Boot(machine, append="quiet") as boot, open(log, "wb") as output:
        boot.start(["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"],
                   stdin=subprocess.DEVNULL, stdout=output)
        while not os.path.exists(stub) and boot.process.poll() is None:
            time.sleep(0.01)
        subprocess.run(["gdb", "-nx", "-batch", *(f"-ex={line}" for line in script), vm.KERNEL],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=TIMEOUT)
        status = boot.wait(TIMEOUT)
    lines = [line for line in last_lines(log, 50) if line.strip()]
    if status != vm.BOOT or len(lines) != 1 or "no memory map" not in lines[0]:
        raise Failure(f"status {status}, expected {vm.BOOT} and one line", lines[-8:])


def tiny_program(log):
    """The program that the broken ones are made from is a good one."""
    image = log + ".cpio"
    with open(image, "wb") as file:
        file.write(badboots.good())
    with vm.Boot(vm.Machine(mem="64"), initramfs=image, append="quiet") as boot:
        status = boot.run(log, TIMEOUT)
        if status != vm.PASS or boot.init_status() != 0:
            raise Failure(boot.problem(status) or "not status 0", last_lines(log))


# --- The keyboard and the tools ---------------------------------------------------------------

def tty_jobs():
    for name, function in inspect.getmembers(guesttty, inspect.isfunction):
        if name.startswith("test_"):
            yield Job(f"tty.{name[5:]}",
                      lambda log, function=function: guesttty.run(function, RUN, log))


def malloc_suite(log):
    """The user's malloc on the host: what `make test-malloc` runs."""
    with open(log, "wb") as file:
        run = subprocess.run([os.path.join(vm.TOP, "tests/malloc/run.sh"),
                              os.path.join(vm.BUILD, "malloc")], stdin=subprocess.DEVNULL,
                             stdout=file, stderr=subprocess.STDOUT)
    if run.returncode:
        raise Failure(f"exit status {run.returncode}", last_lines(log))


def malloc_guest(log):
    """Programs that are linked with it, on Tessera."""
    folder = log + ".files"
    os.makedirs(folder, exist_ok=True)
    for name in "program.linked", "interface.linked":
        shutil.copy(os.path.join(vm.BUILD, "malloc", name), folder)
    got = run_program(log, CMD="cd /tmp; /program.linked && /interface.linked", FILES=folder)
    if got != (b"program (32 bits): ok\ninterface: ok\n", 0):
        raise Failure(str(got))


def tool_order(log):
    result = subprocess.run([os.path.join(vm.TOP, "tools/check-deps.py")], stdout=subprocess.PIPE)
    if result.returncode:
        raise Failure("imports against docs/order.txt", result.stdout.decode().splitlines()[:16])


def tool_initramfs(log):
    """cpio(1) unpacks what mkinitramfs.py wrote, and data begins on page boundaries."""
    folder = log + ".root"
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    archive = read(vm.INITRAMFS)
    subprocess.run(["cpio", "-idm", "--quiet", "--no-preserve-owner", "--nonmatching", "dev/*"],
                   cwd=folder, input=archive, check=True, stderr=subprocess.DEVNULL)
    shutil.rmtree(os.path.join(folder, "dev"), ignore_errors=True)
    got = subprocess.run(["diff", "-r", "--no-dereference", "--exclude=dev", folder,
                          os.path.join(vm.BUILD, "root")], stdout=subprocess.PIPE)
    if got.returncode:
        raise Failure("cpio(1) unpacks something else", got.stdout.decode().splitlines()[:8])
    busybox = read(os.path.join(vm.BUILD, "root/bin/busybox"))
    if archive.index(busybox[:PAGE]) % PAGE:
        raise Failure("bin/busybox does not begin on a page boundary")


def tool_ktap(log):
    """The KTAP reader sees what is wrong with a report."""
    good = "log\nKTAP version 1\n1..2\nok 1 a.b\n# why\nnot ok 2 a.c\n"
    results, errors = ktap.parse(good)
    if errors or [(r.name, r.ok) for r in results] != [("a.b", True), ("a.c", False)]:
        raise Failure(f"{results} {errors}")
    for bad in ("", "ok 1 a\n", good.replace("1..2", "1..3"), good.replace("ok 2", "ok 3"),
                good.replace("1..2\n", "")):
        if not ktap.parse(bad)[1]:
            raise Failure(f"no error seen in {bad!r}")


def tool_abi(log):
    """`make abi` has every number of Linux, by its name, says `yes` or `partial` for what the
    kernel has a function for, and counts right."""
    table = subprocess.run([os.path.join(vm.BUILD, "abi")], stdout=subprocess.PIPE,
                           check=True).stdout.decode()
    rows = {int(nr): (name, state) for nr, name, state in
            re.findall(r"^ *(\d+)  (\S+) +(yes|partial|no)\b", table, re.MULTILINE)}
    header = read("/usr/i686-linux-gnu/include/asm/unistd_32.h").decode()
    for name, nr in re.findall(r"^#define __NR_(\w+) (\d+)", header, re.MULTILINE):
        if int(nr) < 451 and rows.get(int(nr), ("",))[0] != name:
            raise Failure(f"{nr} is {name}, not {rows.get(int(nr))}")
    symbols = subprocess.run(["nm", os.path.join(vm.BUILD, "tessera.elf")],
                             stdout=subprocess.PIPE, check=True).stdout.decode()
    functions = set(re.findall(r" T sys_(\w+)$", symbols, re.MULTILINE))
    there = {name for name, state in rows.values() if state != "no"}
    if functions != there:
        raise Failure(f"functions and table differ: {sorted(functions ^ there)}")
    count = [sum(state == which for _, state in rows.values()) for which in
             ("yes", "partial", "no")]
    last = "%d calls: %d implemented, %d partial, %d not" % (len(rows), *count)
    if table.splitlines()[-1] != last:
        raise Failure(f"expected {last!r}, got {table.splitlines()[-1]!r}")


def tool_mutants(log):
    """Each mutant's lines stand in the code; whether it is caught is for `make mutants`."""
    problems = mutants.stale()
    if problems:
        raise Failure("tests/mutants/list is behind the code", problems)


def module_cases(path):
    """The cases of a Python file in tests/."""
    loader = importlib.util.spec_from_file_location(path, os.path.join(vm.TOP, "tests", path))
    module = importlib.util.module_from_spec(loader)
    loader.loader.exec_module(module)
    for name, function in module.cases():
        yield Job(name, function)


# --- All of it --------------------------------------------------------------------------------

def all_jobs(pattern):
    own = [case_job(case) for case in cases.found()]
    own += [*run_jobs(), *boot_jobs(), *bad_jobs(), *crash_jobs(), *tty_jobs()]
    own += [*module_cases("gdb/suite.py"), *module_cases("report/suite.py"),
            *module_cases("picture/suite.py"), *module_cases("trace/suite.py")]
    own += [Job("malloc.suite", malloc_suite), Job("malloc.guest", malloc_guest)]
    own += [Job("tool.order", tool_order), Job("tool.initramfs", tool_initramfs),
            Job("tool.ktap", tool_ktap), Job("tool.abi", tool_abi),
            Job("tool.mutants", tool_mutants)]
    jobs = []
    selection = ktest_glob(pattern)
    chosen = lambda names: [name for name in names if cases.matches(name, selection)]
    unit = chosen(host_cases())
    kernel = chosen(kernel_cases())
    if kernel:
        jobs += [kernel_job(vm.Machine(), False, selection, kernel),
                 kernel_job(vm.Machine(cpu="qemu32"), False, selection, kernel),
                 kernel_job(vm.Machine(), True, selection, kernel)]
    if unit:
        jobs += [host_job(64, selection, unit), host_job(32, selection, unit)]
    return jobs + [job for job in own if cases.matches(job.name, pattern)]


def printable(line):
    return "".join(c if c.isprintable() or c == "\t" else f"\\x{ord(c):02x}" for c in line)


told = set()  # failures reported: a case fails alike on several machines


def report(job, results, seconds):
    """Prints a job's lines. Returns (passed, failed)."""
    failed = [(name, failure) for name, failure in results if failure]
    passed = len(results) - len(failed)
    if VERBOSE and len(results) > 1:
        for name, failure in results:
            if not failure:
                print(f"ok    {name} ({job.title})")
    if not failed:
        many = f": {passed} cases" if len(results) > 1 or job.title != job.name else ""
        print(f"ok    {job.title}{many} ({seconds:.1f} s)", flush=True)
    for name, failure in failed:
        if failure.details and (name, *failure.details) in told:
            print(f"FAIL  {name}: {failure}, as above", flush=True)
            continue
        told.add((name, *failure.details))
        print(f"FAIL  {name}: {failure}")
        for line in failure.details:
            print(f"      | {printable(line)}")
        target = name if "." in name and " " not in name else job.name
        print(f"      log: {os.path.relpath(job.log)}")
        goal = "test-programs" if target.startswith("program.") else "test"
        print(f"      again: make {goal} T='{target}'", flush=True)
        if job.title.startswith("kernel cases") and "." in name:
            print(f"      in gdb: make debug T='{name}'; backwards: make record T='{name}'; "
                  "make replay", flush=True)
    return passed, len(failed)


def main():
    pattern = os.environ.get("T") or "*"
    parallel = int(os.environ.get("J") or os.cpu_count() or 2)
    shutil.rmtree(LOGS, ignore_errors=True)
    os.makedirs(LOGS)
    jobs = all_jobs(pattern)
    if not jobs:
        print(f"test: no test matches T='{pattern}'", file=sys.stderr)
        return 2
    passed = failed = 0
    with ThreadPoolExecutor(parallel) as pool:
        for done in as_completed([pool.submit(job.run) for job in jobs]):
            ok, bad = report(*done.result())
            passed, failed = passed + ok, failed + bad
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
