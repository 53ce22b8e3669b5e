# Python: threads, mmap.resize, shared and private mappings over fork, subprocesses, big objects.
python3.11 - <<'END'
import hashlib, mmap, os, queue, subprocess, tempfile, threading

jobs, results = queue.Queue(), []
lock = threading.Lock()
def worker():
    while (n := jobs.get()) is not None:
        digest = hashlib.sha256(bytes([n]) * 100000).hexdigest()
        with lock:
            results.append((n, digest[:8]))
threads = [threading.Thread(target=worker) for _ in range(12)]
[t.start() for t in threads]
[jobs.put(n) for n in range(100)]
[jobs.put(None) for _ in threads]
[t.join() for t in threads]
print(len(results), sorted(results)[::33])

with tempfile.TemporaryFile() as file:
    file.truncate(1 << 20)
    with mmap.mmap(file.fileno(), 1 << 20) as area:
        area[0:5] = b"first"
        for size in (1 << 21, 1 << 24, 1 << 16, 1 << 23):
            area.resize(size)
            area[-4:] = b"last"
            print(len(area), area[:5], area[-4:], os.fstat(file.fileno()).st_size)
        area.flush()
        print(area.find(b"last"), area.rfind(b"last"))

anonymous = mmap.mmap(-1, 1 << 16)
private = bytearray(b"before" * 1000)
if os.fork() == 0:
    anonymous[:5] = b"child"
    private[:6] = b"CHANGE"
    os._exit(17)
print(os.waitstatus_to_exitcode(os.wait()[1]), anonymous[:5], bytes(private[:6]))

pids = []
table = list(range(200000))
for n in range(6):
    pid = os.fork()
    if pid == 0:
        table[n] = -1
        os._exit(sum(table) % 251)
    pids.append(pid)
print([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids])

big = bytearray(100 << 20)
big[::4096] = b"\1" * len(big[::4096])
print(sum(big[::4096]))
del big
out = subprocess.run(["sort", "-r"], input="\n".join(map(str, range(5000))), text=True,
                     capture_output=True)
print(out.returncode, out.stdout[:10].split())
try:
    bytearray((1 << 31) - 64)
except MemoryError:
    print("no memory, said politely")
END
