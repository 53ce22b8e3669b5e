# Core files of programs that died, as gdb reads them. What differs between two runs is left out.
same() { sed -E '/libthread_db|^warning|^$|^\[New LWP/d; s/ *\/\*[^*]*\*\///g; s/0x[0-9a-f]{4,}/ADDR/g; s/\(LWP [0-9]*\)/(LWP)/g; s/Thread ADDR/Thread/; s/  +/ /g'; }
debug() { gdb -nx -batch "$@" 2>&1 | same; }

cat >p.c <<'END'
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int counter = 42;
char text[16] = "a text", *heap, *big;
int divide(int a, int b)
{
	return a / b;
}
void *thread(void *arg)
{
	usleep(100000);
	return (void *)divide(counter, *(int *)arg);
}
void *idle(void *arg)
{
	pause();
	return arg;
}
int main(void)
{
	int zero = 0;
	pthread_t t, other;
	heap = strdup("in the heap");
	big = calloc(1, 16 << 20);
	big[8 << 20] = 'B';
	pthread_create(&other, NULL, idle, NULL);
	pthread_create(&t, NULL, thread, &zero);
	pthread_join(t, NULL);
	return 0;
}
END
tcc -g -o p p.c -lpthread
ulimit -c unlimited
exec 2>/dev/null # the shell's news of those who die
echo '--- a thread divides by zero'
./p
echo $? $(($(stat -c %b core) * 512 < 4 << 20)) $(($(stat -c %s core) > 16 << 20))
debug -ex bt -ex 'info threads' -ex 'print counter' -ex 'x/s text' -ex 'x/s heap' -ex 'print big[8 << 20]' \
	-ex 'print big[9 << 20]' -ex 'print $_siginfo.si_code' -ex 'x/i $eip' ./p core | sed 's/^ [23] / N /' | sort
debug -ex 'info auxv' ./p core | grep -E 'PAGESZ|PHENT|EXECFN|PLATFORM'
debug -ex 'info sharedlibrary' ./p core | grep -o '[^/]*$'
echo '--- a shell quits, a Python aborts'
dash -c 'x=$(pwd); kill -QUIT $$'; echo $?
debug -ex 'print $_siginfo.si_signo' "$(command -v dash)" core | grep -E '^\$|^Core|^Program'
rm core
python3 -c 'import os; os.abort()'; echo $?
debug -ex 'print $_siginfo.si_signo' "$(command -v python3)" core | grep -E '^\$|^Core|^Program'
echo '--- gdb itself writes one, and reads it'
debug -ex 'break divide' -ex run -ex 'generate-core-file mine' -ex kill ./p | grep -c Saved
debug -ex 'print b' -ex 'up' -ex 'x/s heap' ./p mine | tail -3
