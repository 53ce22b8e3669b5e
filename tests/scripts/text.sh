# The text tools over a file with known contents.

i=0
while [ $i -lt 200 ]; do
	echo "line $i name$((i % 7)) $((i * i % 97)) $((i * 37 % 1000)).$((i % 10))"
	i=$((i + 1))
done >data

wc data
cat data | sha1sum
sha256sum data
awk '{ n[$3]++; s[$3] += $4 } END { for (k in n) print k, n[k], s[k] }' data | sort
awk 'NR % 40 == 0 { printf "%-10s|%5d|%8.2f\n", $3, $4, $5 }' data
awk 'BEGIN { for (i = 0; i < 5; i++) print i, i / 7, i * i * i, int(i * 1000 / 7) }'
awk '{ a[NR] = $4 } END { for (i = NR; i > NR - 5; i--) print a[i]; print length(a) }' data
awk 'BEGIN { while (("echo one; echo two" | getline line) > 0) print "got " line }'
awk 'BEGIN { print system("exit 3") }'
sed -n '5,7p; $p' data
sed 's/name\([0-9]\)/<\1>/; s/ /_/g' data | head -n 3
sed -e '/line 1/d' -e 's/^line //' data | wc -l
sed -i 's/line/row/' data; head -n 2 data
grep -c name3 data
grep -n 'row 19.*name' data | head -n 3
grep -v name data; echo "grep: $?"
grep -o 'name[0-6]' data | sort | uniq -c
grep -E '^row (1|2|3) ' data
sort -k4,4n -k2,2n data | head -n 5
sort -t ' ' -k3,3 -k2,2nr data | sed -n '1p; 30p; $p'
sort -u -k3,3 data | wc -l
cut -c 1-8 data | tail -n 2
cut -d ' ' -f 3- data | sed -n 42p
tr a-z A-Z <data | tail -n 1
tr -d '0-9\n' <data | wc -c
head -c 20 data; echo
tail -c 20 data
nl data | sed -n 10p
fold -w 10 data | sed -n '1,3p'
printf 'a\tb\n' | expand -t 4 | unexpand -a -t 4 | od -An -c
od -An -tx1 -N 16 data
hexdump -C data | head -n 2
head -n 100 data >first; tail -n +101 data >second; cat first second | cmp - data && echo joined
diff first second >/dev/null; echo "diff: $?"; diff first first; echo "diff: $?"
sed 's/name1/NAME/' first | diff -u first - >change; patch first <change; grep -c NAME first
sed 's/name1/NAME/' data | diff -u data - | grep -c '^[-+]row'
base64 data | head -n 1
base64 data | base64 -d | cmp - data && echo same
printf '%s %5d|%-6s|%05.1f %x %o %c\n' text 42 left 3.14159 255 8 char
expr 6 \* 7; expr length hello; expr hello : 'h\(.*\)o'
seq -w 8 11; seq 10 -3 1 | tr '\n' ' '; echo
factor 360 65537
basename /a/b/c.txt .txt; dirname /a/b/c.txt
echo 'scale=10; 2/3; 2^64' | bc
echo '3 4 + p' | dc
