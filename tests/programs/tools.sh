# memtester, vmtouch and procps: what they say that does not depend on the machine.
memtester 4M 1 | tr -d '\b' | tr '\r' '\n' | grep -c ok
dd if=/dev/zero of=file bs=1M count=8 2>dd.err
vmtouch file | grep -o '[0-9/]* *100%\|Resident Pages: [0-9/]*'
vmtouch -t /usr/bin/bash | grep -o 'Files: [0-9]*'
free -k | awk 'NR == 2 { print $1, ($2 > 100000), ($3 + $4 <= $2), ($7 <= $2) }'
ps -o stat=,comm= -p 1
sleep 50 & ps -o ppid=,comm= -p $! | awk -v me=$$ '{ print ($1 == me), $2 }'; kill $!
pmap $$ | awk '/total/ { print $1, ($2 + 0 > 1000) } /libc.so.6|stack/ { print $NF }' | sort | uniq -c
top -b -n 1 -p 1 | awk '/PID/ { getline; print $1, $2, $NF }'
pgrep -c -x init
uptime | grep -c 'load average'
vmstat | awk 'NR == 3 { print NF, ($4 > 1000) }'
pidof -s bash >pid && [ "$(cat pid)" -gt 1 ] && echo found
pkill -x nothing; echo $?
sysctl -n kernel.ostype
