# redis and memcached, servers on TCP ports of the loopback interface, and their clients.
redis-server --daemonize yes --logfile redis.log --dir "$PWD" >/dev/null
until redis-cli ping >ping 2>&1 && grep -q PONG ping; do sleep 0.1; done
redis-cli --no-raw set greeting hello
redis-cli --no-raw -h localhost append greeting ' world'
redis-cli --no-raw get greeting
for i in $(seq 500); do echo "rpush list $i-$(printf %0100d "$i")"; done | redis-cli --pipe | tail -1
redis-cli --no-raw lrange list 498 -1
redis-benchmark -q -n 1000 -c 20 -P 4 -t set,get,incr,lpush 2>bench.err | tr '\r' '\n' |
	grep -o '^[A-Z]*: [0-9.]* requests' | cut -d: -f1
redis-cli --no-raw get counter:__rand_int__
(redis-cli --csv subscribe news >heard & echo $! >pid)
until redis-cli publish news paper | grep -q 1; do sleep 0.1; done
until grep -q paper heard; do sleep 0.1; done
tail -1 heard
kill "$(cat pid)"
redis-cli --no-raw bgsave
until [ "$(redis-cli info persistence | grep -c 'bgsave_in_progress:0')" = 1 ]; do sleep 0.1; done
redis-cli shutdown
redis-server --daemonize yes --logfile redis.log --dir "$PWD" >/dev/null
until redis-cli dbsize 2>/dev/null | grep -q '^[1-9]'; do sleep 0.1; done
redis-cli --no-raw get greeting
redis-cli --no-raw llen list
redis-cli shutdown nosave
redis-cli --no-raw ping

memcached -u nobody -d -l 127.0.0.1 -P /tmp/memcached.pid -t 4
python3.11 - <<'END'
import socket, threading, time

def connect():
    for i in range(200):
        try:
            return socket.create_connection(("localhost", 11211))
        except OSError:
            time.sleep(0.05)

class Client:
    def __init__(self):
        self.file = connect().makefile("rwb")
    def ask(self, line, data=None):
        self.file.write(line.encode() + b"\r\n" + (b"" if data is None else data + b"\r\n"))
        self.file.flush()
        return self.file.readline().strip().decode()
    def get(self, key):
        head = self.ask(f"get {key}")
        if head == "END":
            return None
        data = self.file.read(int(head.split()[-1]))
        self.file.readline(), self.file.readline()
        return data

c = Client()
print(c.ask("set big 0 0 900000", bytes(900000)), len(c.get("big")), c.get("none"))
print(c.ask("add big 0 0 1", b"1"), c.ask("set n 0 0 1", b"0"))
def count():
    mine = Client()
    for i in range(100):
        mine.ask("incr n 1")
threads = [threading.Thread(target=count) for _ in range(8)]
[t.start() for t in threads]
[t.join() for t in threads]
print(c.get("n"), c.ask("delete big"), c.get("big"))
END
kill "$(cat /tmp/memcached.pid)"
