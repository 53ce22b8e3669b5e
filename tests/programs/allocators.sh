# Other allocators before the programs' own, user/malloc among them: much memory, many threads, fork after threads.
for library in libjemalloc.so.2 libtcmalloc_minimal.so.4 libmimalloc.so.2.0 libtmalloc32.so; do
	echo "$library"
	export LD_PRELOAD=$library
	lua5.4 -e 'local t = {} for i = 1, 300000 do t[i] = {i, tostring(i)} end print(#t)'
	perl -e 'my @a = map { "x" x ($_ % 3000) } 1 .. 30000; @a = grep { length > 100 } @a;
		print scalar(@a), "\n"'
	python3.11 - <<-END
	import os, threading
	found = []
	def work(n):
	    pieces = [bytes([n]) * (i % 5000) for i in range(4000)]
	    found.append(sum(map(len, pieces[::2])))
	threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
	[t.start() for t in threads]
	[t.join() for t in threads]
	print(len(found), len(set(found)), found[0])
	if os.fork() == 0:
	    data = [str(i) for i in range(50000)]
	    os._exit(len(data) % 200 + 7)
	print(os.waitstatus_to_exitcode(os.wait()[1]))
	END
	sqlite3 :memory: 'create table t (a, b text); with recursive c(x) as
		(select 1 union all select x + 1 from c where x < 20000) insert into t
		select x, hex(x * 7919) from c; create index i on t(b);
		select count(*), max(b), sum(length(b)) from t; pragma integrity_check'
	unset LD_PRELOAD
done
