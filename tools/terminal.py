"""A program on a pseudo-terminal, driven as a user would: type, and wait for what must appear."""
import fcntl
import os
import pty
import re
import select
import struct
import termios
import time


class Terminal:
    ROWS, COLUMNS = 30, 100

    def __init__(self, arguments, environment, log):
        self.log = open(log, "wb")
        self.text = ""   # what has arrived and was not yet matched
        self.status = None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            size = struct.pack("HHHH", self.ROWS, self.COLUMNS, 0, 0)
            fcntl.ioctl(0, termios.TIOCSWINSZ, size)
            os.execvpe(arguments[0], arguments, environment)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.status is None:
            os.kill(self.pid, 15)
            self.wait()
        self.log.close()

    def type(self, keys):
        data = keys.encode()
        while data:
            # The guest takes keys no faster than its serial line does; read on meanwhile.
            readable, writable, _ = select.select([self.fd], [self.fd], [], 10)
            if readable:
                self._read()
            if writable:
                data = data[os.write(self.fd, data[:16]):]

    def _read(self):
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # the other side is gone
            data = b""
        self.log.write(data)
        self.log.flush()
        self.text += re.sub("\r+\n", "\n", data.decode(errors="replace"))
        return bool(data)

    def expect(self, pattern, timeout=20):
        """Waits for the pattern and returns what came before it; both are then forgotten."""
        end = time.monotonic() + timeout
        while True:
            self.text = re.sub("\r+\n", "\n", self.text)
            found = re.search(pattern, self.text)
            if found:
                before, self.text = self.text[:found.start()], self.text[found.end():]
                return before
            rest = end - time.monotonic()
            if rest <= 0 or not select.select([self.fd], [], [], rest)[0] or not self._read():
                raise AssertionError(f"{pattern!r} did not come, but {self.text[-300:]!r}")

    def wait(self, timeout=20):
        """The program's exit status, when it has ended by itself."""
        end = time.monotonic() + timeout
        while self.status is None:
            if select.select([self.fd], [], [], 0.1)[0]:
                self._read()
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > end:
                os.kill(self.pid, 9)
                raise AssertionError("the program did not end")
        return self.status
