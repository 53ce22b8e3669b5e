# Background jobs: wait, $!, statuses, signals to them.

sleep 0 & wait $!; echo "wait: $?"
(exit 7) & wait $!; echo "wait: $?"
sh -c 'kill -TERM $$' & wait $!; echo "killed: $?"

# The shell says how a job ended if its wait finds that out, not if it knew after kill: both happen.
exec 3>&2 2>/dev/null
sleep 100 & pid=$!; kill $pid; wait $pid; echo "terminated: $?"
sleep 100 & pid=$!; kill -KILL $pid; wait $pid; echo "killed: $?"
sleep 100 & pid=$!
kill -STOP $pid; kill -CONT $pid; kill -INT $pid; kill $pid
wait $pid; echo "stopped, continued, ended: $?"
exec 2>&3 3>&-

wait; echo "nothing to wait for: $?"
wait 32000; echo "not a child: $?"
kill -0 32000 2>/dev/null; echo "nobody: $?"
kill -0 $$; echo "self: $?"

for i in 1 2 3 4 5; do (exit $i) & pids="$pids $!"; done
for p in $pids; do wait $p; echo "job: $?"; done

mkfifo f
(read -r line <f; echo "got $line" >answer) &
echo message >f
wait; cat answer

(for i in 1 2 3; do echo $i; sleep 0.05; done) >a &
(for i in 4 5 6; do echo $i; sleep 0.05; done) >b &
wait; cat a b
(sleep 0.1; echo late) & echo early; wait

# A reader sees the end when the last writer has gone.
(sleep 0.1; echo one) | cat
{ (sleep 0.1; echo inherited) & echo first; } | cat

timeout 0.1 sleep 100; echo "timeout: $?"
timeout 10 true; echo "no timeout: $?"
timeout -s KILL 0.1 sleep 100; echo "timeout by KILL: $?"
nohup sh -c 'echo no hangup' 2>/dev/null | cat
setsid sh -c 'echo own session'
env -i A=1 sh -c 'echo $A ${HOME-unset}'
sh -c 'echo $0 $1' name arg
(exec sh -c 'echo replaced'); echo "pid stays: $( (sh -c 'echo $PPID') | grep -c . )"
time true 2>/dev/null; echo "time: $?"
sleep 0.3 & start=$(cut -d. -f1 /proc/uptime)
wait; end=$(cut -d. -f1 /proc/uptime)
[ $((end - start)) -le 20 ]; echo "slept: $?"
