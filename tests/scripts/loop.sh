# Two hundred pipelines, two hundred subshells, two hundred processes: nothing is left over.

i=0; sum=0
while [ $i -lt 200 ]; do
	n=$(echo $i | sed 's/$/0/' | cat)
	sum=$((sum + n)); i=$((i + 1))
done
echo $sum
i=0
while [ $i -lt 200 ]; do
	(exit $((i % 256)))
	[ $? -eq $i ] || echo "wrong status $i"
	i=$((i + 1))
done
for i in $(seq 1 200); do /bin/true || echo "failed $i"; done
seq 1 200 | xargs -n 1 echo | md5sum
ls /proc/self/fd | wc -l
ps | grep -c '[s]leep' || true
