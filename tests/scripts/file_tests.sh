# test on files, strings and numbers.

: >empty; echo data >full; mkdir dir; ln -s full link; ln -s missing dangling; mkfifo fifo
chmod 644 empty; chmod 755 full; ln full hard; touch -d '2000-01-01 00:00:00' old
chmod u+s full; chmod g+s empty; chmod +t dir

for f in empty full dir link dangling fifo missing /dev/null hard; do
	for t in e f d L h p c b s r w x u g k S O G; do
		[ -$t $f ] && printf '%s' $t || printf '.'
	done
	echo " $f"
done
t() { "$@"; echo "$*: $?"; }
t [ full -nt old ]; t [ old -nt full ]; t [ old -ot full ]; t [ full -ef hard ]; t [ full -ef link ]
t [ full -ef empty ]; t [ missing -ot full ]; t [ full -nt missing ]
t [ -t 0 ]; t [ -z '' ]; t [ -n '' ]; t [ -n x ]; t [ x ]; t [ '' ]; t [ ]
t [ a = a ]; t [ a = b ]; t [ a != b ]; t [ a '<' b ]; t [ 10 -gt 9 ]; t [ 10 '>' 9 ]
t [ 1 -eq 01 ]; t [ -5 -lt 3 ]; t [ 2 -le 2 ]; t [ 2 -ge 3 ]; t [ 2 -ne 2 ]
t [ ! a = b ]; t [ a = a -a b = b ]; t [ a = b -o b = b ]; t [ '(' a = b ')' -o x ]
t [ = = = ]; t [ -f = -f ]; t [ '!' ]; t [ -f ]
