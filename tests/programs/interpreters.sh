# lua, perl and gawk: loops, tables, strings, closures, garbage.
lua5.4 - <<'END'
local function fib(n) return n < 2 and n or fib(n - 1) + fib(n - 2) end
print(fib(24))
local live, sum = {}, 0
for i = 1, 400000 do live[i % 5000] = {i, tostring(i)}; sum = sum + #live[i % 5000][2] end
print(sum, collectgarbage("count") > 100)
local parts = {}
for i = 1, 100000 do parts[#parts + 1] = string.format("%05d", i * 37 % 100000) end
table.sort(parts)
print(#table.concat(parts), parts[1], parts[50000], parts[100000])
print(select(2, pcall(function() local function r() return 1 + r() end return r() end)):match("stack overflow"))
print(pcall(string.rep, "x", 1 << 31))
END
perl -e '
my (%h, $n); $h{$_ % 1000} .= chr(97 + $_ % 26) for 1 .. 200000;
$n += length for values %h; print "$n\n";
my @p = (); for (my $i = 0; $i < 5; $i++) { my $pid = fork; exit $i * 3 if !$pid; push @p, $pid }
print join(" ", map { waitpid $_, 0; $? >> 8 } @p), "\n";
my $t = join ",", map { $_ * $_ } 1 .. 100000; my $c = () = $t =~ /(\d+)1,/g; print "$c\n";
$SIG{ALRM} = sub { print "alarm\n"; exit 4 }; alarm 1; 1 while 1;'
echo $?
gawk 'BEGIN {
	for (i = 0; i < 200000; i++) a[i % 5000] = a[i % 5000] i
	for (k in a) n += length(a[k])
	print n
	while (("seq 1 30000" | getline x) > 0) s += x
	print s
	print length(sprintf("%1000000s", "x")), toupper("done")
}'
