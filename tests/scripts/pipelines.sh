# Pipelines: data through several processes at once, end of file, broken pipes, exit statuses.

seq 1 20000 | sort -rn | md5sum
seq 1 20000 | awk '{ s += $1 } END { print s }'
seq 1 1000 | awk 'NR % 100 == 10' | tr '\n' ' '
echo
printf 'b\na\nc\nb\na\nb\n' | sort | uniq -c | sort -rn
seq 1 100 | tee copy | tail -n 3
md5sum <copy
yes | head -n 3
yes "long line to fill the pipe" | head -c 100000 | md5sum
seq 1 100000 | head -n 1
seq 1 100000 | tail -n 1
seq 1 30 | xargs -n 10 echo items:
echo one two three | cut -d ' ' -f 2
echo 'a,b;c' | tr ',;' '\n\n' | rev | tac
seq 1 10 | paste -s -d + - | bc
echo hello | cat | cat | cat | cat | cat | cat | cat | cat | cat | cat
printf 'x%.0s' $(seq 1 500) | wc -c
cat /dev/zero | head -c 1000000 | tr '\0' 'z' | md5sum
dd if=/dev/zero bs=1000 count=100 2>/dev/null | wc -c
dd if=/dev/zero bs=64k count=16 2>/dev/null | gzip -c | gunzip -c | md5sum

false | true; echo "last decides: $?"
true | false; echo "last decides: $?"
! true; echo "not: $?"
exit 3 | exit 4; echo "both left: $?"
{ echo to stderr >&2; echo to stdout; } 2>/dev/null | cat
{ echo to stderr >&2; echo to stdout; } 2>&1 | sort
echo "nothing reads this" | true; echo "no reader: $?"
(sleep 0; echo from a subshell) | while read -r line; do echo "read: $line"; done
seq 1 5 | while read -r n; do echo "$n"; done |
	(read -r first; echo "first $first"; cat | tail -n 1)
mkfifo fifo
seq 1 1000 >fifo &
md5sum <fifo
wait
