# trap: signals, exit, what subshells and children get.

trap 'echo caught USR1' USR1
kill -USR1 $$; echo "after the signal"
trap 'echo caught TERM' TERM INT
kill -TERM $$; kill -INT $$
trap - TERM
(trap - TERM INT; kill -TERM $(sh -c 'echo $PPID')); echo "subshell: $?"
trap '' HUP; kill -HUP $$; echo "ignored"
sh -c 'kill -HUP $$; echo "a child ignores it too"'
sh -c 'kill -USR1 $$; echo "not reached"'; echo "a child does not catch it: $?"
(trap 'echo exit trap of a subshell' EXIT; echo leaving)
(trap 'echo status $?' EXIT; exit 9); echo "status: $?"
sh -c 'trap "echo bye; exit 3" TERM; kill -TERM $$; sleep 1; echo "not reached"'
echo "exit from a trap: $?"
sh -c 'trap "echo in the trap" USR1; (sleep 0.2; kill -USR1 $$) & wait $!; wait; echo "after wait"'
sh -c 'trap "echo child ended" CHLD; sleep 0.05 & wait; echo done' | sort -u
sh -c 'trap "exit 5" PIPE; while :; do echo data; done 2>/dev/null' | head -n 1
trap 'echo second definition' USR1; kill -USR1 $$
trap | sort
(trap - USR1; kill -USR1 $(sh -c 'echo $PPID'); echo "not reached"); echo "default again: $?"
