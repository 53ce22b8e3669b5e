# Control flow of the shell: loops, case, functions, return, eval, read, getopts, redirections.

for i in 1 2 3; do for j in a b; do [ $i = 2 ] && continue 2; echo $i$j; done; done
while :; do break; done; i=0; until [ $i -ge 3 ]; do i=$((i + 1)); done; echo $i
for w in apple 'b*' cherry 42 ''; do
	case $w in
	a*) echo "$w: begins with a" ;;
	'b*') echo "$w: literal" ;;
	*rr*) echo "$w: contains rr" ;;
	[0-9]*) echo "$w: number" ;;
	*) echo "$w: other" ;;
	esac
done
fact() { [ $1 -le 1 ] && echo 1 || echo $(($1 * $(fact $(($1 - 1))))); }
fact 10
deep() { [ $1 -eq 0 ] && return 7; deep $(($1 - 1)); }
deep 50; echo "return $?"
scope() { local v=inside; v2=changed; echo $v; }
v=outside; scope; echo $v $v2
eval 'e=eva'"l"; echo $e
a=1; (a=2; echo $a); echo $a; { a=3; }; echo $a
printf 'one two three\nfour\\ five\n' |
	{ read -r x y; echo "$x|$y"; read x y; echo "$x|$y"; read z; echo "end $?"; }
set -- -a -b value rest
while getopts ab: o; do echo "option $o $OPTARG"; done; shift $((OPTIND - 1)); echo $1
{ echo out; echo err >&2; } >o 2>e; cat o e
{ echo out; echo err >&2; } >both 2>&1; cat both
exec 5>five; echo to five >&5; exec 5>&-; cat five
(echo closed >&5) 2>/dev/null; echo "closed: $?"
echo appended >>five; wc -l <five; cat <five >six; cmp five six; echo "cmp $?"
echo x >/no/such/file 2>/dev/null; echo "redirect: $?"
cat </no/such/file 2>/dev/null; echo "redirect: $?"
command -v cd; type no_such_command >/dev/null 2>&1; echo "type: $?"
alias hi='echo hello'; unalias hi; echo "alias $?"
(set -e; false || echo "guarded"; if false; then :; fi; false; echo "not reached")
echo "set -e: $?"
