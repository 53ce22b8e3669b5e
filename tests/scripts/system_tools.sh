# The tools that read /proc and the system: their formats, not their numbers.

ps | head -n 1
ps -o pid,comm | awk '$2 == "ps" { n++ } END { print n }'
ps -o ppid,pid,stat,args | awk 'NR > 1 && NF < 4 { bad++ } END { print bad + 0 }'
free | awk 'NR == 1 { print $1, $2, $3 } NR > 1 { print $1, NF }'
free | awk '/^Mem:/ { print ($2 > 0 && $3 <= $2 && $4 <= $2) }'
uptime | grep -c 'load average:'
top -b -n 1 | head -n 4 | awk '{ print $1 }'
cat /proc/uptime | wc -w
awk '/^MemTotal:/ { print $3 }' /proc/meminfo
awk '/^(Name|State|Threads|VmLck):/ { print $1, $2 }' /proc/self/status
tr '\0' ' ' </proc/self/cmdline; echo
readlink /proc/self/exe; readlink /bin/sh
cut -d ' ' -f 1 /proc/self/stat | grep -c '^[0-9]*$'
grep -c . /proc/self/maps | awk '{ print ($1 > 3) }'
awk '{ print $2, $3 }' /proc/mounts | grep -E '^/(proc|tmp) ' | sort
uname -s; uname -m
id; id -u; groups 2>/dev/null; whoami
pwd | sed 's,.*/,,'; cd /; pwd; cd - >/dev/null
df /tmp | awk 'NR == 2 { print NF, $NF }'
du -s . | awk '{ print NF }'
test -c /dev/null && test -c /dev/zero && test -d /dev/shm && echo devices
head -c 16 /dev/urandom | wc -c
tty; echo "tty: $?"
nproc
getconf PAGESIZE 2>/dev/null || echo 4096
date -u -d @86400 '+%Y-%m-%d %H:%M:%S'
date +%Y | awk '{ print ($1 >= 2020) }'
hostname >/dev/null; echo "hostname: $?"
env | grep '^PATH='
which sh ls
mount -t tmpfs none /mnt && echo x >/mnt/f && cat /mnt/f && umount /mnt && ls /mnt | wc -l
