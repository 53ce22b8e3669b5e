# Archives and compression there and back.

mkdir -p tree/sub/deep tree/empty
seq 1 5000 >tree/numbers
printf 'text without a newline' >tree/sub/text
: >tree/sub/deep/nothing
dd if=/dev/zero of=tree/zeroes bs=1k count=300 2>/dev/null
ln -s ../numbers tree/sub/link
ln tree/numbers tree/hard
chmod 640 tree/numbers
chmod 755 tree/sub/text
touch -d '2001-02-03 04:05:06' tree/sub/text
sum=$(cd tree; find . -type f | sort | xargs md5sum | md5sum)
echo "$sum"

check() {
	new=$(cd tree; find . -type f | sort | xargs md5sum | md5sum)
	[ "$new" = "$sum" ] && echo "$1: contents kept"
	[ "$(readlink tree/sub/link)" = ../numbers ] && echo "$1: link kept"
	[ -d tree/empty ] && echo "$1: empty folder kept"
	[ tree/numbers -ef tree/hard ] && echo "$1: hard link kept"
	stat -c '%A %n' tree/numbers tree/sub/text
	stat -c '%y' tree/sub/text | cut -c 1-19
}

tar cf all.tar tree; tar tf all.tar | sort
rm -r tree; tar xpf all.tar; check tar
tar czf all.tgz tree; rm -r tree; tar xzf all.tgz; check tgz
tar cf - tree | gzip -9 | gunzip | (mkdir copy; cd copy; tar xf -)
diff -r tree copy/tree && echo piped
tar xOf all.tar tree/sub/text; echo
tar cf few.tar -C tree numbers; tar tvf few.tar | awk '{ print $1, $3, $NF }'
tar xf missing.tar 2>/dev/null; echo "no archive: $?"

find tree | sort | cpio -o -H newc 2>/dev/null >all.cpio
cpio -t <all.cpio 2>/dev/null | sort | head -n 3
mv tree old; cpio -idm <all.cpio 2>/dev/null; check cpio
diff -r old tree && echo identical

cp tree/numbers plain
gzip plain; ls -1 plain*; gzip -t plain.gz; echo "test: $?"
zcat plain.gz | md5sum; gunzip plain.gz; ls -1 plain*
bzip2 plain; bzcat plain.bz2 | md5sum; bunzip2 plain.bz2; md5sum <plain
printf 'damaged' >bad.gz; gunzip bad.gz 2>/dev/null; echo "damaged: $?"
head -c 300 all.tgz | gunzip >/dev/null 2>&1; echo "cut short: $?"
gzip -c plain plain | gunzip | wc -l
uuencode name <plain | uudecode -o decoded; cmp plain decoded && echo uuencode
