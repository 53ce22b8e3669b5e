# Exit statuses of all kinds of ends.

true; echo $?
false; echo $?
for s in 0 1 42 127 128 255 256 257; do (exit $s); echo "exit $s: $?"; done
for s in HUP INT ILL ABRT FPE KILL SEGV USR1 USR2 PIPE ALRM TERM; do
	sh -c "kill -$s \$\$; sleep 1" 2>/dev/null; echo "killed by $s: $?"
done
for s in CHLD CONT URG WINCH; do sh -c "kill -$s \$\$; exit 6"; echo "survives $s: $?"; done
no_such_command 2>/dev/null; echo "no command: $?"
/no/such/file 2>/dev/null; echo "no file: $?"
: >plain; ./plain 2>/dev/null; echo "not executable: $?"
/tmp 2>/dev/null; echo "folder: $?"
printf 'echo text without a first line\nexit 5\n' >script; chmod 755 script
./script; echo "script: $?"
printf '#!/no/such/interpreter\n' >script; ./script 2>/dev/null; echo "no interpreter: $?"
printf '#!/bin/sh\nexit 6\n' >script; ./script; echo "script: $?"
printf '#!/usr/bin/awk -f\nBEGIN { print "in awk"; exit 8 }\n' >script
./script; echo "script with an argument: $?"
printf '\177ELF broken' >script; ./script 2>/dev/null; echo "broken program: $?"
: >script; ./script; echo "empty script: $?"
sh -c 'exit 3; echo "not reached"'; echo "sh: $?"
sh missing 2>/dev/null; echo "no script: $?"
sh -c 'if' 2>/dev/null; echo "syntax error: $?"
(set -u; : $unset_variable) 2>/dev/null; echo "unset: $?"
(set -e; false; exit 0); echo "set -e: $?"
cd /no/such 2>/dev/null; echo "cd: $?"
test 1 = 2; echo "test: $?"; test 1 -eq x 2>/dev/null; echo "bad test: $?"
timeout 10 sh -c 'ulimit -t 1; while :; do :; done' 2>/dev/null; echo "cpu limit: $?"
timeout 10 sh -c 'ulimit -f 1; exec yes' >out 2>/dev/null; echo "file limit: $?"
sh -c 'ulimit -n 5; exec 4<plain && exec 9<plain' 2>/dev/null
[ $? -ne 0 ]; echo "descriptor limit: $?"
