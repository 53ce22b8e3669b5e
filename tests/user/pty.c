/* Pseudo-terminals: both ends, sizes, sessions and signals, and how they end. */
#include "tests/user/test.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <termios.h>

static int master, slave;
static char slave_name[64];

static void show_poll(const char *what, int fd)
{
	struct pollfd p = {fd, POLLIN | POLLOUT, 0};

	poll(&p, 1, 0);
	say(what, "%x", p.revents);
}

/* With control characters shown. */
static void show_bytes(const char *what, const char *s, ssize_t n)
{
	char out[512];
	int at = 0;

	if (n < 0) {
		answer(what, n);
		return;
	}
	for (ssize_t i = 0; i < n && at < 500; i++)
		at += snprintf(out + at, sizeof(out) - at,
			s[i] >= ' ' && s[i] < 127 ? "%c" : "\\%o", (unsigned char)s[i]);
	out[at] = 0;
	say(what, "%zd: %s", n, out);
}

static void show_read(const char *what, int fd)
{
	char buf[256];
	struct pollfd p = {fd, POLLIN, 0};

	poll(&p, 1, 200);
	show_bytes(what, buf, read(fd, buf, sizeof(buf)));
}

/* All that comes until it is quiet. */
static void show_all(const char *what, int fd)
{
	char buf[256];
	struct pollfd p = {fd, POLLIN, 0};
	ssize_t n = 0, got;

	while (poll(&p, 1, 100) > 0 && (got = read(fd, buf + n, sizeof(buf) - n)) > 0)
		n += got;
	show_bytes(what, buf, n);
}

static void put(int fd, const char *s)
{
	ssize_t n = write(fd, s, strlen(s));

	if (n != (ssize_t)strlen(s))
		answer("put", n);
}

static void make(void)
{
	master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
	if (master < 0 || grantpt(master) || unlockpt(master) ||
		ptsname_r(master, slave_name, sizeof(slave_name)))
		die("ptmx");
	slave = open(slave_name, O_RDWR | O_NOCTTY);
	if (slave < 0)
		die(slave_name);
}

static void unmake(void)
{
	close(slave);
	close(master);
}

static void test_making(void)
{
	int m = open("/dev/ptmx", O_RDWR | O_NOCTTY), n = -1, peer;
	struct termios t;
	struct stat st;
	char path[64], text[64] = {0};

	answer("make.ptn", ioctl(m, TIOCGPTN, &n));
	say("make.number", "%d", n);
	snprintf(path, sizeof(path), "/dev/pts/%d", n);
	answer("make.stat", stat(path, &st));
	say("make.node", "%o %d,%d uid %d gid %d", st.st_mode, (int)(st.st_rdev >> 8),
		(int)(st.st_rdev & 255), st.st_uid, st.st_gid);
	answer("make.locked", open(path, O_RDWR));
	answer("make.get_lock", (ioctl(m, TIOCGPTLCK, &n), n));
	show_poll("make.poll", m);
	fcntl(m, F_SETFL, O_NONBLOCK);
	answer("make.nothing_yet", read(m, text, 1));
	answer("make.unlock", unlockpt(m));
	peer = ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	answer("make.peer_cloexec", fcntl(peer, F_GETFD));
	snprintf(text, sizeof(text), "/proc/self/fd/%d", peer);
	memset(path, 0, sizeof(path));
	answer("make.readlink", readlink(text, path, sizeof(path)));
	say("make.link", "%s", path);
	say("make.isatty", "%d %d %s", isatty(m), isatty(peer), ttyname(peer));
	tcgetattr(peer, &t);
	say("make.termios", "%o %o %o %o", t.c_iflag, t.c_oflag, t.c_cflag, t.c_lflag);
	tcgetattr(m, &t);
	say("make.termios_master", "%o %o %o %o", t.c_iflag, t.c_oflag, t.c_cflag, t.c_lflag);
	answer("make.chmod", fchmod(peer, 0600));
	answer("make.chown", fchown(peer, 7, 8));
	stat(path, &st);
	say("make.changed", "%o %d %d", st.st_mode, st.st_uid, st.st_gid);
	answer("make.create", open("/dev/pts/file", O_CREAT | O_RDWR, 0600));
	answer("make.unlink", unlink(path));
	close(peer);
	close(m);
	answer("make.gone", stat(path, &st));
	answer("make.gone_open", open(path, O_RDWR));
}

static void test_line(void)
{
	struct termios t;
	int n;

	make();
	show_poll("line.poll_master", master);
	show_poll("line.poll_slave", slave);
	put(slave, "out\tput\n");
	show_all("line.output", master);
	put(master, "hel\177lo\r");
	show_all("line.echo", master);
	answer("line.count", (ioctl(slave, FIONREAD, &n), n));
	show_read("line.input", slave);
	put(master, "a\004b\026\004c\n");
	show_read("line.eof_ends", slave);
	show_read("line.literal", slave);
	show_all("line.echo", master);
	put(master, "\004");
	show_read("line.end_of_file", slave);
	answer("line.none", (fcntl(slave, F_SETFL, O_NONBLOCK), read(slave, &n, 1)));
	put(master, "one\ntwo\n");
	show_read("line.one", slave);
	show_read("line.two", slave);
	read(master, &t, sizeof(t));
	tcgetattr(slave, &t);
	cfmakeraw(&t);
	answer("raw.set", tcsetattr(slave, TCSANOW, &t));
	put(master, "raw\003\n");
	show_read("raw.input", slave);
	answer("raw.no_echo", read(master, &n, 1));
	put(slave, "x\ny\t");
	show_all("raw.output", master);
	put(master, "dropped");
	answer("raw.flush", tcflush(slave, TCIFLUSH));
	answer("raw.flushed", read(slave, &n, 1));
	put(slave, "dropped");
	answer("raw.flush_out", tcflush(slave, TCOFLUSH));
	answer("raw.flushed_out", read(master, &n, 1));
	answer("raw.drain", tcdrain(slave));
	for (n = 0; write(slave, "0123456789", 10) == 10; n++)
		;
	check("raw.full", errno == EAGAIN && n > 100 && n < 20000);
	show_poll("raw.poll_full", slave);
	while (read(master, &t, sizeof(t)) > 0)
		;
	show_poll("raw.poll_room", slave);
	unmake();
}

static void on_signal(int sig)
{
	say("signal", "%s", signal_name(sig));
}

static void test_size(void)
{
	struct winsize w = {0};

	make();
	answer("size.get", ioctl(slave, TIOCGWINSZ, &w));
	say("size.zero", "%d %d", w.ws_row, w.ws_col);
	w = (struct winsize){24, 80, 0, 0};
	answer("size.set", ioctl(master, TIOCSWINSZ, &w));
	w = (struct winsize){0};
	ioctl(slave, TIOCGWINSZ, &w);
	say("size.now", "%d %d", w.ws_row, w.ws_col);
	unmake();
}

static void test_ends(void)
{
	char c;

	make();
	put(slave, "last words");
	close(slave);
	show_poll("end.poll_slave_closed", master);
	show_read("end.last_words", master);
	answer("end.read", read(master, &c, 1));
	show_poll("end.poll_empty", master);
	slave = open(slave_name, O_RDWR | O_NOCTTY);
	show_poll("end.poll_reopened", master);
	answer("end.read_reopened", read(master, &c, 1));
	put(master, "typed ");
	close(master);
	show_poll("end.poll_hung_up", slave);
	answer("end.read_hung_up", read(slave, &c, 1));
	answer("end.write_hung_up", write(slave, "x", 1));
	answer("end.ioctl_hung_up", ioctl(slave, TIOCGWINSZ, &c));
	answer("end.tcsetpgrp", tcsetpgrp(slave, getpid()));
	close(slave);
}

/* A child with the slave as its controlling terminal, which tells its signals. */
static pid_t session(bool shell)
{
	pid_t pid = fork();
	int fd;

	if (pid)
		return pid;
	setsid();
	fd = open(slave_name, O_RDWR);
	close(slave);
	answer("session.tcgetpgrp", tcgetpgrp(fd) == getpid() ? 0 : -1);
	answer("session.tcgetsid", tcgetsid(fd) == getpid() ? 0 : -1);
	answer("session.dev_tty", (slave = open("/dev/tty", O_RDWR)) >= 0 ? 0 : -1);
	close(slave);
	close(master);
	signal(SIGINT, on_signal);
	signal(SIGQUIT, on_signal);
	signal(SIGWINCH, on_signal);
	signal(SIGTSTP, on_signal);
	signal(SIGCONT, on_signal);
	signal(SIGHUP, shell ? SIG_DFL : on_signal);
	put(fd, "ready\n");
	while (1) {
		char line[64];
		ssize_t n = read(fd, line, sizeof(line));

		if (n > 0) {
			show_bytes("session.line", line, n);
			put(fd, "ok\n");
		}
		if (n == 0) {
			say("session.read", "end");
			_exit(7);
		}
		if (n < 0 && errno != EINTR) {
			answer("session.read", n);
			_exit(8);
		}
	}
}

static void settle(void)
{
	usleep(60000);
}

static void test_session(void)
{
	struct winsize w = {30, 90, 0, 0};
	int status;
	pid_t pid;

	make();
	pid = session(false);
	close(slave);
	fcntl(master, F_SETFL, 0);
	show_all("session.ready", master);
	answer("session.pgrp", ({ int g = 0; ioctl(master, TIOCGPGRP, &g); g == pid; }));
	put(master, "\003");
	settle();
	show_all("session.echo", master);
	put(master, "\034");
	settle();
	put(master, "\032");
	settle();
	ioctl(master, TIOCSWINSZ, &w);
	settle();
	ioctl(master, TIOCSIG, SIGCONT);
	settle();
	put(master, "hello\n");
	settle();
	show_all("session.more", master);
	close(master);
	waitpid(pid, &status, 0);
	say("session.status", "%x", status);
}

/* A shell's job: in a group of its own, in the background, then in the foreground. */
static void test_jobs(void)
{
	int status, sync[2];
	pid_t leader, job;
	char c;

	make();
	if (pipe(sync))
		die("pipe");
	leader = fork();
	if (leader == 0) {
		int fd;

		setsid();
		close(slave);
		fd = open(slave_name, O_RDWR);
		close(master);
		signal(SIGTTOU, SIG_IGN);
		job = fork();
		if (job == 0) {
			setpgid(0, 0);
			signal(SIGTTOU, SIG_DFL);
			if (read(sync[0], &c, 1) != 1)
				_exit(1);
			if (read(fd, &c, 1) != 1) /* stops */
				_exit(2);
			say("jobs.read", "%c", c);
			kill(0, SIGHUP);
			_exit(3);
		}
		setpgid(job, job);
		if (write(sync[1], "x", 1) != 1)
			_exit(1);
		waitpid(job, &status, WUNTRACED);
		say("jobs.background_read", "%s",
			WIFSTOPPED(status) ? signal_name(WSTOPSIG(status)) : "not stopped");
		answer("jobs.to_foreground", tcsetpgrp(fd, job));
		kill(-job, SIGCONT);
		waitpid(job, &status, WUNTRACED);
		say("jobs.ended", "%s", WIFSIGNALED(status) ? signal_name(WTERMSIG(status)) : "no");
		answer("jobs.back", tcsetpgrp(fd, getpid()));
		answer("jobs.no_such_group", tcsetpgrp(fd, 30000));
		job = fork();
		if (job == 0) {
			signal(SIGHUP, on_signal);
			close(sync[0]);
			tcflush(fd, TCIFLUSH);
			answer("jobs.waits", read(fd, &c, 1));
			answer("jobs.write", write(fd, "x", 1));
			exit(0);
		}
		settle();
		_exit(5);
	}
	put(master, "k\n");
	waitpid(leader, &status, 0);
	settle(); /* the job is told */
	say("jobs.leader", "%x", status);
	close(sync[1]);
	settle();
	settle();
	close(sync[0]);
	close(slave);
	fcntl(master, F_SETFL, O_NONBLOCK);
	show_all("jobs.echo", master);
	answer("jobs.after", read(master, &c, 1));
	close(master);
	settle(); /* now the job's read ends */
}

/* Settings in the form that System V had: the high halves of the flags stay. */
static void test_termio(void)
{
	struct termios now;
	struct termio old;
	int m = open("/dev/ptmx", O_RDWR | O_NOCTTY);

	tcgetattr(m, &now);
	now.c_lflag |= 0x10000;
	now.c_cc[VSUSP] = 7;
	tcsetattr(m, TCSANOW, &now);
	memset(&old, 0x55, sizeof(old));
	answer("termio.get", ioctl(m, TCGETA, &old));
	say("termio", "%o %o %o %o line %d, %d %d", old.c_iflag, old.c_oflag, old.c_cflag,
		old.c_lflag, old.c_line, old.c_cc[VINTR], old.c_cc[VEOL2 < NCC ? VEOL2 : NCC - 1]);
	old.c_lflag &= ~ECHO;
	old.c_cc[VINTR] = 5;
	answer("termio.set", ioctl(m, TCSETA, &old));
	tcgetattr(m, &now);
	say("termio.set", "%o, %d %d", now.c_lflag, now.c_cc[VINTR], now.c_cc[VSUSP]);
	answer("termio.wait", ioctl(m, TCSETAW, &old));
	answer("termio.flush", ioctl(m, TCSETAF, &old));
	answer("termio.get_fault", ioctl(m, TCGETA, 8));
	answer("termio.set_fault", ioctl(m, TCSETA, 8));
	answer("termio.no_tty", ioctl(open("/dev/null", O_RDWR), TCGETA, &old));
	close(m);
}

/* --- Which descriptors make a terminal the controlling one --- */

static void try_ctty(const char *name, int fd, int arg, bool root)
{
	char line[64];
	pid_t pid = fork();
	int tty;

	if (!pid) {
		setsid();
		if (!root && setuid(65534))
			die("setuid");
		answer(name, ioctl(fd, TIOCSCTTY, arg));
		tty = open("/dev/tty", O_WRONLY | O_NOCTTY);
		snprintf(line, sizeof(line), "%s.has", name);
		say(line, "%s", tty < 0 ? errno_name(errno) : "yes");
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void open_ctty(const char *name, int flags)
{
	pid_t pid = fork();

	if (!pid) {
		setsid();
		open(slave_name, flags);
		say(name, "%s", open("/dev/tty", O_WRONLY | O_NOCTTY) < 0 ? "no" : "yes");
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void test_controlling(void)
{
	int reads, writes;
	pid_t pid;

	make();
	reads = open(slave_name, O_RDONLY | O_NOCTTY);
	writes = open(slave_name, O_WRONLY | O_NOCTTY);
	try_ctty("ctty.write_only", writes, 0, false);
	try_ctty("ctty.read_only", reads, 0, false);
	try_ctty("ctty.root_write_only", writes, 0, true);
	open_ctty("ctty.open_write_only", O_WRONLY);
	open_ctty("ctty.open_read_only", O_RDONLY);
	open_ctty("ctty.open_neither", 3);
	open_ctty("ctty.open_noctty", O_RDWR | O_NOCTTY);
	pid = fork();
	if (!pid) {
		signal(SIGHUP, SIG_IGN);
		setsid();
		answer("ctty.owner", ioctl(reads, TIOCSCTTY, 0));
		answer("ctty.owner_again", ioctl(writes, TIOCSCTTY, 0));
		try_ctty("ctty.other", reads, 0, true);
		try_ctty("ctty.steal_user", reads, 1, false);
		try_ctty("ctty.steal", writes, 1, true);
		say("ctty.lost", "%s", open("/dev/tty", O_RDWR) < 0 ? errno_name(errno) : "no");
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	close(reads);
	close(writes);
	close(slave);
	close(master);
}

int main(void)
{
	if (access("/dev/pts/ptmx", F_OK)) {
		mkdir("/dev/pts", 0755);
		if (mount("devpts", "/dev/pts", "devpts", 0, "gid=5,mode=620"))
			die("mount");
	}
	test_making();
	test_line();
	test_size();
	test_ends();
	test_session();
	test_jobs();
	test_termio();
	test_controlling();
	return test_failed;
}
