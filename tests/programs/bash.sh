# bash: arrays, here documents, process substitution, traps, coprocesses, arithmetic.
a=(one two three)
declare -A m=([x]=1 [y]=2)
echo "${#a[@]} ${a[*]:1} ${m[x]}${m[y]}"
cat <<< "here $((2 ** 40)) string"
trap 'echo trapped' USR1
kill -USR1 $$
coproc cat
echo through a coprocess >&"${COPROC[1]}"
read -r line <&"${COPROC[0]}"
echo "$line"
for ((i = 0; i < 200; i++)); do (exit $((i % 7))) || s=$((s + $?)); done
echo $s
mapfile -t lines < <(seq 1 20000)
echo "${#lines[@]} ${lines[19999]}"
printf '%s\n' "${lines[@]}" | sort -rn | head -n 2
