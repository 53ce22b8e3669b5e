# The shell itself: here documents, substitutions, quoting, functions, arithmetic.

name=world
cat <<END
hello $name, $((6 * 7)), $(echo nested "$(echo deeper $(echo deepest))"), \$literal, `echo ticks`
END
cat <<'END'
$name $((1)) $(no) `no`
END
cat <<-END
	tabs go
		from the front
	END
cat <<A; cat <<B
first
A
second
B
sh <<'OUTER'
echo in a shell
cat <<INNER
in a here document in a here document $((1 + 1))
INNER
OUTER
seq 1 2000 >many; big=$(cat many); echo ${#big}
cat <<END | md5sum
$big
$big
END

args() { echo "$#:"; for a in "$@"; do echo "[$a]"; done; }
args 'single $name' "double $name" un\ quoted "" a"b"'c' $(echo two words) "$(echo one word)"
set -- a 'b c' d; args "$@"; args "$*"; args $*; shift; echo "$1 $#"
IFS=:; args $(echo x:y:z); unset IFS
echo "${unset:-default} ${name:+alternate} ${#name} ${name%ld} ${name#wo} ${name%%o*} ${name##*o}"
: ${assigned:=value}; echo $assigned
path=/a/b/c.tar.gz; echo ${path##*/} ${path%/*} ${path%%.*} ${path/b/X}
(echo ${missing:?is not set}) 2>/dev/null; echo "error: $?"
echo *.none [m]any ./m*; set -f; echo *; set +f
echo {a,b}; echo ~root; echo "tab	here"; printf 'a\tb\\n\n'; echo 'a\nb'

echo $((1 + 2 * 3)) $((7 / 2)) $((-7 / 2)) $((7 % 3)) $((-7 % 3)) $((1 << 10)) $((0x1f)) $((010))
echo $((5 > 3)) $((5 == 3 || 1)) $((5 & 3)) $((5 ^ 3)) $((~5)) $((3 > 2 ? 10 : 20))
x=5; echo $((x++ + ++x)) $x $((x += 10)) $((x *= 2))
echo $((2147483647 + 1)) $((9223372036854775807))
(echo $((1 / 0)); echo "not reached") 2>/dev/null; echo "division: $?"
