# Five hundred processes at once; all of them answer and all of them end.

mkdir storm
i=0
while [ $i -lt 500 ]; do
	(echo $i >storm/$i; sleep 0.2) &
	i=$((i + 1))
done
wait
ls storm | wc -l
cat storm/* | sort -n | md5sum
i=0
while [ $i -lt 100 ]; do sleep 100 & pids="$pids $!"; i=$((i + 1)); done
kill $pids
ended=0
for p in $pids; do wait $p; [ $? -eq 143 ] && ended=$((ended + 1)); done 2>/dev/null
echo $ended
nested() { [ $1 -gt 0 ] && (nested $(($1 - 1))) || echo bottom; }
nested 40
seq 1 50 | (while read -r n; do (echo $((n * n))) & done; wait) | sort -n | tail -n 1
