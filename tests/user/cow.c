/* Copy on write: after fork each process sees its own data, and shared memory stays shared. */
#include "tests/user/test.h"

#define PAGES 600

static char *area;
static int data_word = 1;
static int bss_word;
static int to_child[2], to_parent[2];

static void make_pipes(void)
{
	if (pipe(to_child) || pipe(to_parent))
		die("pipe");
}

/* One byte each way: the processes take turns. */
static void pass(int fd)
{
	if (write(fd, "x", 1) != 1)
		die("pass");
}

static void await(int fd)
{
	char c;

	if (read(fd, &c, 1) != 1)
		die("await");
}

static void fill(char value)
{
	for (int i = 0; i < PAGES; i++)
		area[i * PAGE + i] = value;
}

static bool filled(char value)
{
	for (int i = 0; i < PAGES; i++)
		if (area[i * PAGE + i] != value)
			return false;
	return true;
}

static void child_writes(void)
{
	check("cow.child_sees_parents", filled(1));
	fill(2);
	data_word = 2;
	bss_word = 2;
	check("cow.child_sees_own", filled(2) && data_word == 2 && bss_word == 2);
}

static void parent_unchanged(void)
{
	int on_stack = 1;
	pid_t pid;

	fill(1);
	isolated("cow.child", child_writes);
	check("cow.parent_unchanged", filled(1) && data_word == 1 && bss_word == 0);
	pid = fork();
	if (pid == 0) {
		on_stack = 2;
		_exit(on_stack);
	}
	waitpid(pid, NULL, 0);
	check("cow.stack", on_stack == 1);
}

/* The parent writes first, while the child still holds the old pages. */
static void parent_first(void)
{
	pid_t pid;
	int status;

	make_pipes();
	fill(3);
	pid = fork();
	if (pid == 0) {
		await(to_child[0]);
		_exit(filled(3) ? 0 : 1);
	}
	fill(4);
	pass(to_child[1]);
	waitpid(pid, &status, 0);
	answer_status("cow.child_keeps_old", status);
	check("cow.parent_has_new", filled(4));
}

static void grandchild(void)
{
	check("cow.grandchild_sees", filled(6));
	fill(7);
}

static void middle(void)
{
	fill(6);
	isolated("cow.grandchild", grandchild);
	check("cow.middle_unchanged", filled(6));
}

/* Its parent unmaps the area: the child's copy stays. */
static void unmapped_by_parent(void)
{
	pid_t pid;
	int status;

	make_pipes();
	fill(8);
	pid = fork();
	if (pid == 0) {
		await(to_child[0]);
		if (!filled(8))
			_exit(1);
		fill(9);
		_exit(filled(9) ? 0 : 2);
	}
	munmap(area, PAGES * PAGE);
	pass(to_child[1]);
	waitpid(pid, &status, 0);
	answer_status("cow.unmapped_by_parent", status);
	area = map_anon(PAGES * PAGE);
	check("cow.mapped_again_zero", all_bytes(area, PAGES * PAGE, 0));
}

/* The kernel writes into pages that are shared by both: a system call must copy too. */
static void child_reads_into(void)
{
	if (read(to_child[0], area, 10) != 10)
		die("read");
	check("cow.read_into", all_bytes(area, 10, 'k'));
}

static void kernel_writes(void)
{
	char bytes[10];
	int status = 77;
	pid_t pid;

	make_pipes();
	memset(bytes, 'k', sizeof(bytes));
	memset(area, 'p', PAGE);
	if (write(to_child[1], bytes, sizeof(bytes)) != sizeof(bytes))
		die("write");
	isolated("cow.kernel_writes", child_reads_into);
	check("cow.read_into_parent", all_bytes(area, PAGE, 'p'));

	pid = fork();
	if (pid == 0) {
		pid = fork();
		if (pid == 0)
			_exit(5);
		waitpid(pid, &status, 0);
		_exit(WEXITSTATUS(status));
	}
	check("cow.status_before", status == 77);
	waitpid(pid, &status, 0);
	answer_status("cow.status_word", status);
}

/* Pages never touched before the fork, and only read before it. */
static void untouched(void)
{
	char *p = map_anon(4 * PAGE);
	volatile char sum = p[PAGE];
	int status;
	pid_t pid = fork();

	(void)sum;
	if (pid == 0) {
		memset(p, 'c', 4 * PAGE);
		_exit(all_bytes(p, 4 * PAGE, 'c') ? 0 : 1);
	}
	memset(p + 2 * PAGE, 'p', 2 * PAGE);
	waitpid(pid, &status, 0);
	answer_status("cow.untouched_child", status);
	check("cow.untouched_parent",
		all_bytes(p, 2 * PAGE, 0) && all_bytes(p + 2 * PAGE, 2 * PAGE, 'p'));
	munmap(p, 4 * PAGE);
}

static void shared(void)
{
	volatile int *p =
		mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid;

	make_pipes();
	p[0] = 1;
	pid = fork();
	if (pid == 0) {
		bool saw = p[0] == 1;

		p[0] = 2;
		p[1024] = 22;
		pass(to_parent[1]);
		await(to_child[0]);
		_exit(saw && p[0] == 3 ? 0 : 1);
	}
	await(to_parent[0]);
	say("cow.shared_from_child", "%d %d", p[0], p[1024]);
	p[0] = 3;
	pass(to_child[1]);
	waitpid(pid, &status, 0);
	answer_status("cow.shared_from_parent", status);
}

static volatile int vfork_word;

static void vforked(void)
{
	pid_t pid = vfork();

	if (pid == 0) {
		vfork_word = 5;
		_exit(0);
	}
	say("cow.vfork_shares", "%d", vfork_word);
	waitpid(pid, NULL, 0);
}

/* Many generations at once, each with one page of its own. */
static void generations(void)
{
	int status = 0, depth = 0;

	memset(area, 0, 16 * PAGE);
	while (depth < 12) {
		pid_t pid = fork();

		if (pid) {
			waitpid(pid, &status, 0);
			break;
		}
		depth++;
		area[depth * PAGE] = depth;
		for (int i = 1; i <= 12; i++)
			if (area[i * PAGE] != (i <= depth ? i : 0))
				_exit(50 + depth);
	}
	if (depth == 0) {
		say("cow.generations", "%d", WEXITSTATUS(status));
		check("cow.generations_parent", all_bytes(area, 16 * PAGE, 0));
		return;
	}
	_exit(depth == 12 ? 12 : WEXITSTATUS(status));
}

int main(void)
{
	area = map_anon(PAGES * PAGE);
	parent_unchanged();
	parent_first();
	isolated("cow.middle", middle);
	check("cow.top_unchanged", filled(4));
	unmapped_by_parent();
	kernel_writes();
	untouched();
	shared();
	vforked();
	generations();
	return test_failed;
}
