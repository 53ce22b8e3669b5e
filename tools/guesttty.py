"""A user at the keyboard: `make run` on a pseudo-terminal. Each test_NAME is the case tty.NAME."""
import os
import time

from terminal import Terminal

PROMPT = "tessera:/# "


class Shell(Terminal):
    """The guest's shell at its prompt."""

    def prompt(self, timeout=20):
        return self.expect(r"(?:^|\n|\x1b\[6n)" + PROMPT + r"(?:\x1b\[6n)?$", timeout)

    def command(self, keys):
        """Types a line; what the guest prints after the echoed line, up to the next prompt."""
        self.type(keys + "\r")
        self.expect("\n")
        return self.expect(PROMPT)

    def check(self, keys, output):
        got = self.command(keys).replace("\x1b[6n", "")
        assert got == output, f"{keys!r} gave {got!r}, expected {output!r}"

    def running(self, marker):
        """Waits until a foreground command has printed its marker, and is about to wait."""
        self.expect(r"\n" + marker + r"\n")
        time.sleep(0.3)


def run(test, program, log):
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("CMD", "FILES", "APPEND", "GUI", "QEMUEXTRA")}
    with Shell([program], {**environment, "APPEND": "quiet"}, log) as shell:
        shell.prompt(60)
        test(shell)


def test_echo(shell):
    shell.check("echo hello", "hello\n")
    shell.check("", "")


def test_line_editing(shell):
    shell.check("echo abd\x7fc", "abc\n")
    shell.check("echo hllo\x1b[D\x1b[D\x1b[De", "hello\n")
    shell.check("hello\x01\x01echo \x05 world", "hello world\n")
    shell.check("junk\x15echo x", "x\n")
    shell.check("echo one two\x17three", "one three\n")


def test_history(shell):
    shell.check("echo first", "first\n")
    shell.check("echo second", "second\n")
    shell.check("\x1b[A", "second\n")
    shell.check("\x1b[A\x1b[A", "first\n")


def test_completion(shell):
    shell.check("echo /etc/pass\t", "/etc/passwd\n")


def test_interrupt(shell):
    shell.type("echo go; sleep 100\r")
    shell.running("go")
    shell.type("\x03")
    shell.prompt()
    shell.check("echo $?", "130\n")
    shell.type("not a command\x03")
    shell.prompt()
    shell.check("echo $?", "130\n")


def test_interrupt_busy_loop(shell):
    shell.type("echo go; while :; do :; done\r")
    shell.running("go")
    shell.type("\x03")
    shell.prompt()
    shell.check("echo still here", "still here\n")


def test_interrupt_pipeline(shell):
    shell.type("echo go; yes | sort | cat\r")
    shell.running("go")
    shell.type("\x03")
    shell.prompt()
    shell.check("echo $?", "130\n")


def test_stop_and_continue(shell):
    shell.type("echo go; sleep 100\r")
    shell.running("go")
    shell.type("\x1a")
    shell.prompt()
    assert "Stopped" in shell.command("jobs")
    shell.type("fg\r")
    shell.expect(r"\nsleep 100\n")
    time.sleep(0.3)
    shell.type("\x03")
    shell.prompt()


def test_end_of_file(shell):
    """^D ends a reader's input, and at an empty prompt the shell."""
    shell.type("echo go; cat\r")
    shell.running("go")
    shell.type("abx\x7fc\r")
    shell.expect(r"\nabc\n")
    shell.type("killed\x15kept\r")
    shell.expect(r"\nkept\n")
    shell.type("\x04")
    shell.prompt()
    shell.type("\x04")
    assert shell.wait() == 0, f"exit status {shell.status}"


def test_exit_status(shell):
    shell.type("exit 3\r")
    assert shell.wait() == 3, f"exit status {shell.status}"


def test_type_ahead(shell):
    """Lines typed while a command runs are neither lost nor doubled."""
    shell.type("echo go; sleep 1\r")
    shell.expect(r"\ngo\n")
    shell.type("".join(f"echo line{i:03}\r" for i in range(150)))
    for i in range(150):
        before = shell.expect(rf"\nline{i:03}\n")
        assert f"line{i - 1:03}\n" not in before, f"line {i - 1} came twice"
    shell.prompt()


def test_paste(shell):
    """Twenty thousand characters into a reader arrive as they were."""
    lines = [f"{i:04} " + "abcdefghijklmnopqrstuvwxyz0123456789" * 2 for i in range(256)]
    shell.type("echo go; cat >/tmp/paste\r")
    shell.running("go")
    for line in lines:
        shell.type(line + "\r")
        shell.expect(line + "\n")
    shell.type("\x04")
    shell.prompt()
    shell.check("wc -c </tmp/paste; uniq -d /tmp/paste | wc -l",
                f"{sum(len(line) + 1 for line in lines)}\n0\n")


def test_terminal_size(shell):
    shell.check("stty size; tty", f"{Terminal.ROWS} {Terminal.COLUMNS}\n/dev/ttyS0\n")
