# strace and gdb: other programs watched, stopped, stepped and changed. What they say of numbers that
# differ between two runs is left out.
same() { sed -E 's/ *\/\*[^*]*\*\///g; s/0x[0-9a-f]{4,}/ADDR/g; s/(pid|tid|time|ptr)=[^,} ]*/\1=N/g' "$@"; }

echo '--- strace: children'
strace -ff -o out -e trace=execve,pipe,pipe2,dup2,exit_group dash -c 'ls / | wc -l' >count
echo $? $(($(cat count) > 5))
cat out.* | same | sort
echo '--- strace: counts'
strace -c -o out -e trace=openat,close,fstat64,statx true; awk '/^ *[0-9]/ && $NF != "total" { print $4, $NF }' out | sort
echo '--- strace: a signal'
strace -e trace=none -e signal=all bash -c 'trap "echo caught" USR1; kill -USR1 $$; kill -TERM $$' 2>&1 | same
echo '--- strace: attaching'
sleep 100 & pid=$!
sleep 0.3
strace -q -o out -p $pid & by=$!
sleep 1
grep TracerPid /proc/$pid/status | grep -c -w $by
kill $pid; wait $pid 2>/dev/null; echo $?
wait $by
same out
echo '--- strace: what it changes'
strace -q -o out -e inject=getcwd:error=EXDEV:when=1 -e trace=getcwd bash -c 'echo on' 2>/dev/null; same out | head -1

cat >p.c <<'END'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int counter, other;
char text[16] = "before";
int twice(int x)
{
	int y = x * 2;
	return y;
}
void *thread(void *arg)
{
	other = twice(*(int *)arg);
	return NULL;
}
int main(int argc, char **argv)
{
	int a = 21;
	pthread_t t;
	if (argc > 1)
		for (;;)
			usleep(1000), other++;
	for (int i = 0; i < 3; i++)
		counter += twice(i);
	pthread_create(&t, NULL, thread, &a);
	pthread_join(t, NULL);
	printf("%d %d %s\n", counter, other, text);
	fflush(stdout);
	if (!fork())
		_exit(5);
	*(volatile int *)4 = 1;
	return 3;
}
END
tcc -g -o p p.c -lpthread
debug() { gdb -nx -batch "$@" 2>&1 | sed -E '/libthread_db|^warning|^$|New Thread|exited\]|Detached after/d' | same |
	sed -E 's/\(LWP [0-9]*\)/(LWP)/g; s/process [0-9]*/process N/g; s/Thread ADDR/Thread/'; }
echo '--- gdb: breakpoints, steps'
debug -ex 'break twice' -ex run -ex bt -ex next -ex next -ex 'print y' -ex finish -ex 'info breakpoints' \
	-ex 'set var counter = 1000' -ex 'print twice(100)' -ex delete -ex c -ex 'print $_siginfo._sifields._sigfault' -ex bt -ex kill ./p
echo '--- gdb: watchpoints'
debug -ex 'break main' -ex run -ex 'watch counter' -ex c -ex c -ex c -ex 'delete 2' -ex 'rwatch text' -ex c -ex bt ./p | grep -v 'in .*printf\|^#[1-4]'
echo '--- gdb: threads'
debug -ex 'break thread' -ex run -ex 'info threads' -ex bt -ex 'thread apply all print other' -ex 'set scheduler-locking on' -ex next -ex 'print other' ./p | grep -v '^  1 \|^  Id '
echo '--- gdb: instructions'
debug -ex 'break *main' -ex run -ex 'stepi 20' -ex 'x/2i twice' -ex 'print $cs' -ex 'print $mxcsr' -ex 'print $st0' ./p
echo '--- gdb: a fork followed, an exec caught'
debug -ex 'set follow-fork-mode child' -ex 'handle SIGSEGV nostop noprint pass' -ex run ./p
debug -ex 'catch exec' -ex run -ex c --args dash -c 'exec true' | sed 's/, ADDR.*//'
debug -ex 'catch syscall 12' -ex run -ex c -ex c --args dash -c 'cd /' | sed 's/, ADDR.*//'
echo '--- gdb: a running process'
exec 2>/dev/null # the shell's news of it
./p loop & pid=$!
sleep 0.3
debug -p $pid -ex 'frame function main' -ex 'print argc' -ex 'print other > 10' -ex 'set var other = -1000000' -ex detach ./p | grep '^\$\|Detach\|Inferior'
sleep 0.3
debug -p $pid -ex 'print other < 0' -ex 'generate-core-file core' -ex kill ./p | grep '^\$\|Saved\|kill'
wait $pid
echo $?
debug -ex 'print other < 0' -ex 'frame function main' -ex 'print argc' ./p core | grep '^\$'
