/* The calls of sockets, of System V's and POSIX's IPC, each allocation of theirs made to fail once. */
#include "tests/user/fail_nth.h"
#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>

static void pairs(void)
{
	char text[3 * PAGE] = "text", data[CMSG_SPACE(sizeof(int))] = "";
	struct iovec v = {text, 5};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = data,
		.msg_controllen = sizeof(data)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int s[2], fd;

	ok(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	must(ok(send(s[0], text, sizeof(text), 0)) > 0, "the text is sent");
	must(ok(recv(s[1], text, sizeof(text), 0)) > 0, "the text comes");
	ok(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
	*c = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA(c), &s[0], sizeof(int));
	ok(sendmsg(s[0], &m, 0));
	memset(data, 0, sizeof(data));
	must(ok(recvmsg(s[1], &m, 0)) == 5, "its length");
	if (m.msg_controllen < sizeof(*c))
		refused("the descriptor sent", ENOMEM);
	memcpy(&fd, CMSG_DATA(c), sizeof(int));
	ok(fcntl(fd, F_GETFD));
}

static void named(void)
{
	struct sockaddr_un a = {AF_UNIX, "/tmp/fail_nth.sock"};
	int server = ok(socket(AF_UNIX, SOCK_STREAM, 0)), client = ok(socket(AF_UNIX, SOCK_STREAM, 0));
	char text[8];

	ok(bind(server, (void *)&a, sizeof(a)));
	ok(listen(server, 4));
	ok(connect(client, (void *)&a, sizeof(a)));
	int end = ok(accept(server, NULL, NULL));
	ok(write(client, "hello", 5));
	must(ok(read(end, text, sizeof(text))) == 5, "the greeting");
	int s = ok(socket(AF_UNIX, SOCK_SEQPACKET, 0));
	memcpy(a.sun_path, "\0fail_nth", 9);
	ok(bind(s, (void *)&a, sizeof(a.sun_family) + 9));
}

static void no_name(void)
{
	unlink("/tmp/fail_nth.sock");
}

static void streams(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int server = ok(socket(AF_INET, SOCK_STREAM, 0)), client = ok(socket(AF_INET, SOCK_STREAM, 0));
	char text[2 * PAGE] = "text";

	ok(bind(server, (void *)&a, len));
	ok(listen(server, 4));
	ok(getsockname(server, (void *)&a, &len));
	ok(connect(client, (void *)&a, len));
	int end = ok(accept4(server, NULL, NULL, SOCK_CLOEXEC));
	must(ok(write(client, text, sizeof(text))) > 0, "sent");
	must(ok(read(end, text, sizeof(text))) > 0, "come");
	ok(setsockopt(end, SOL_SOCKET, SO_RCVBUF, &(int){9000}, sizeof(int)));
	ok(shutdown(client, SHUT_WR));
}

static void datagrams(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int in = ok(socket(AF_INET, SOCK_DGRAM, 0)), out = ok(socket(AF_INET, SOCK_DGRAM, 0));
	char text[16];

	ok(bind(in, (void *)&a, len));
	ok(getsockname(in, (void *)&a, &len));
	ok(sendto(out, "hello", 5, 0, (void *)&a, len));
	/* A datagram may be lost, and sendto() not know it. */
	ssize_t got = recv(in, text, sizeof(text), MSG_DONTWAIT);
	if (got < 0)
		refused("the datagram", errno);
}

static void links(void)
{
	struct {
		struct nlmsghdr h;
		struct rtgenmsg g;
	} ask = {{sizeof(ask), RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 1, 0}, {AF_UNSPEC}};
	char text[4096];
	int s = ok(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));

	ok(send(s, &ask, sizeof(ask), 0));
	ssize_t got = recv(s, text, sizeof(text), MSG_DONTWAIT);
	if (got < 0)
		refused("the links", errno);
}

#define KEY 0x7e55

static void memory(void)
{
	int id = ok(shmget(KEY, 3 * PAGE, IPC_CREAT | 0600));
	char *p = ok((char *)shmat(id, NULL, 0)), *q = ok((char *)shmat(id, NULL, SHM_RDONLY));

	p[2 * PAGE] = 5;
	must(q[2 * PAGE] == 5, "what was written");
	pid_t pid = ok(fork());
	if (pid == 0)
		_exit(q[2 * PAGE]);
	waitpid(pid, NULL, 0);
	ok(shmctl(id, IPC_RMID, NULL));
	ok(shmdt(p));
}

static void semaphores(void)
{
	int id = ok(semget(KEY, 300, IPC_CREAT | 0600));
	struct sembuf many[20] = {{0, 1, SEM_UNDO}, {1, 1, SEM_UNDO}};
	unsigned short all[300];

	for (int i = 2; i < 20; i++)
		many[i] = (struct sembuf){(unsigned short)i, 1, 0};
	ok(semop(id, many, COUNT(many)));
	ok(semctl(id, 0, GETALL, all));
	ok(semctl(id, 0, SETALL, all));
	must(all[0] == 1, "its value");
	struct sembuf below = {0, -5, 0};
	if (semtimedop(id, &below, 1, &(struct timespec){0, 1000000}) && errno != EAGAIN)
		refused("semtimedop", errno);
}

static void messages(void)
{
	struct {
		long type;
		char text[3 * PAGE];
	} m = {1, "text"};
	int id = ok(msgget(KEY, IPC_CREAT | 0600));

	if (msgsnd(id, &m, 5, IPC_NOWAIT))
		refused("msgsnd", errno);
	ok(msgsnd(id, &m, 2 * PAGE, IPC_NOWAIT));
	must(ok(msgrcv(id, &m, sizeof(m.text), 0, IPC_NOWAIT)) == 5, "the first message");
}

static void remove_ids(void)
{
	shmctl(shmget(KEY, 0, 0), IPC_RMID, NULL);
	semctl(semget(KEY, 0, 0), 0, IPC_RMID);
	msgctl(msgget(KEY, 0), IPC_RMID, NULL);
	mq_unlink("/fail_nth");
}

static void queues(void)
{
	struct mq_attr attr = {.mq_maxmsg = 4, .mq_msgsize = 6000};
	char text[6000] = "text";
	unsigned priority;

	mqd_t q = ok(mq_open("/fail_nth", O_CREAT | O_RDWR | O_NONBLOCK, 0600, &attr));
	ok(mq_send(q, text, sizeof(text), 3));
	ok(mq_send(q, text, 5, 9));
	struct sigevent none = {.sigev_notify = SIGEV_NONE};
	ok(mq_notify(q, &none));
	must(ok(mq_receive(q, text, sizeof(text), &priority)) == 5 && priority == 9, "the message");
}

static const struct work works[] = {
	{"socketpair", pairs, NULL},
	{"AF_UNIX", named, no_name},
	{"TCP", streams, NULL},
	{"UDP", datagrams, NULL},
	{"netlink", links, NULL},
	{"shm", memory, remove_ids},
	{"sem", semaphores, remove_ids},
	{"msg", messages, remove_ids},
	{"mqueue", queues, remove_ids},
};

int main(int argc, char **argv)
{
	return do_works(works, COUNT(works), argv[1]);
}
