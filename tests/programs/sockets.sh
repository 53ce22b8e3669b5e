# Python over TCP and UDP: http.server, socketserver, asyncio, multiprocessing; busybox's wget.
mkdir www; seq 1 100000 >www/numbers
python3.11 -u -m http.server -b 127.0.0.1 -d www 8080 >log 2>&1 & http=$!
until grep -q Serving log; do sleep 0.1; done
busybox wget -q -O - http://localhost:8080/numbers | md5sum
python3.11 - <<'END'
import hashlib, urllib.request
reply = urllib.request.urlopen("http://localhost:8080/numbers")
print(reply.status, reply.headers["Content-Length"], hashlib.md5(reply.read()).hexdigest())
for url in "http://127.0.0.1:8080/none", "http://127.0.0.1:8081/":
    try:
        urllib.request.urlopen(url)
    except Exception as e:
        print(e)
END
kill $http; wait $http; echo $?
python3.11 - <<'END'
import asyncio, multiprocessing.connection, select, socket, socketserver, threading

class Upper(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line.upper())

def client(address, n):
    with socket.create_connection(address) as s, s.makefile("rw") as f:
        for i in range(50):
            f.write(f"line {n} {i}\n")
            f.flush()
            assert f.readline() == f"LINE {n} {i}\n"

with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Upper) as server:
    threading.Thread(target=server.serve_forever).start()
    threads = [threading.Thread(target=client, args=(server.server_address, n)) for n in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    server.shutdown()
print("threads done")

class Datagrams(asyncio.DatagramProtocol):
    def __init__(self):
        self.got = asyncio.get_running_loop().create_future()
    def datagram_received(self, data, address):
        self.got.set_result((data, address[0]))

async def reverse(reader, writer):
    while data := await reader.read(65536):
        writer.write(data[::-1])
        await writer.drain()
    writer.close()

async def talk(port, n):
    reader, writer = await asyncio.open_connection("localhost", port)
    writer.write(b"x" * 300000 + b"%d" % n)
    writer.write_eof()
    return len(await reader.read())

async def main():
    server = await asyncio.start_server(reverse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    print(sum(await asyncio.gather(*[talk(port, n) for n in range(20)])))
    server.close()
    loop = asyncio.get_running_loop()
    to, protocol = await loop.create_datagram_endpoint(Datagrams, ("127.0.0.1", 0))
    sender, _ = await loop.create_datagram_endpoint(
        Datagrams, remote_addr=to.get_extra_info("sockname"))
    sender.sendto(b"datagram")
    print(await protocol.got)
asyncio.run(main())

def work(address):
    with multiprocessing.connection.Client(address, authkey=b"key") as c:
        c.send({"list": list(range(1000))})
        print(c.recv(), flush=True)

with multiprocessing.connection.Listener(("127.0.0.1", 0), authkey=b"key") as listener:
    process = multiprocessing.Process(target=work, args=(listener.address,))
    process.start()
    with listener.accept() as c:
        print(len(c.recv()["list"]), flush=True)
        c.send("bye")
    process.join()
print(process.exitcode, socket.gethostbyname("localhost"))

s = socket.socket()
s.setblocking(False)
print(s.connect_ex(("127.0.0.1", 1)), select.select([], [s], [], 5)[1] == [s],
      s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
END
