# coreutils on a million numbers: sort with threads and temporary files, sums, joins, links, dates.
seq 1 1000000 | awk '{ print ($1 * 7919) % 1000003 }' >numbers
sort -n --parallel=4 -S 4M numbers >sorted
sort -n --parallel=1 -S 1M numbers | cmp - sorted && echo same
md5sum <sorted
wc <sorted
tac sorted | tail -n 1
split -n 4 sorted part. && cat part.* | cmp - sorted && echo whole
sha256sum part.* | tee sums | sha256sum -c --quiet && echo checked
comm -12 <(sort sorted) <(seq 500 1500 | sort) | wc -l
cp -a --sparse=always sorted copy && cmp copy sorted && ln copy link && stat -c '%h %s' link
truncate -s 1G hole && du -k hole && stat -c %s hole
mkdir -p a/b/c && touch a/b/c/d && chmod 750 a && stat -c %A a && rm -r a && ls -C
