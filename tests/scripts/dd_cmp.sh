# dd, cmp, truncate: offsets, sparse files, short blocks.

seq 1 3000 >in
dd if=in of=out bs=512 2>/dev/null; cmp in out && echo copied
dd if=in of=out bs=1 skip=100 count=50 2>/dev/null; md5sum <out
dd if=in bs=100 count=2 2>/dev/null | wc -c
dd if=in of=out bs=7 conv=notrunc seek=3 2>/dev/null; stat -c %s out
dd if=/dev/zero of=sparse bs=1 count=1 seek=1000000 2>/dev/null; stat -c '%s %b' sparse
dd if=/dev/zero of=sparse bs=4k count=3 seek=10 conv=notrunc 2>/dev/null; stat -c '%s %b' sparse
md5sum <sparse
dd if=in of=swapped conv=swab bs=1k 2>/dev/null; head -c 8 swapped | od -An -c
printf 'abc' | dd bs=10 conv=sync 2>/dev/null | od -An -c
dd if=in bs=1000 count=3 2>&1 >/dev/null | head -n 2
dd if=missing 2>/dev/null; echo "missing: $?"
dd if=/dev/zero of=/dev/full bs=1 count=1 2>/dev/null; echo "full: $?"

cp in same; cmp in same; echo "cmp: $?"
printf X | dd of=same bs=1 seek=500 conv=notrunc 2>/dev/null
cmp in same; echo "cmp: $?"
cmp -l in same
head -c 100 in >short; cmp in short; echo "cmp: $?"
cmp in missing 2>/dev/null; echo "cmp: $?"

truncate -s 100 short; stat -c %s short
truncate -s 10 short; cat short; echo "|"
truncate -s 30 short; od -An -c short
truncate -s 1M big; stat -c '%s %b' big; md5sum <big
echo tail >>big; tail -c 5 big; stat -c %s big
fallocate -l 5000 solid; stat -c '%s %b' solid
: >big; stat -c '%s %b' big
cat in >>same; wc -l <same
{ dd bs=1 count=5 2>/dev/null; echo '|'; dd bs=1 count=5 2>/dev/null; } <in
exec 3<>rw; echo written >&3; exec 3<rw; read -r line <&3; echo "$line"; exec 3>&-
echo clobber >clobber; set -C; (echo again >clobber) 2>/dev/null; echo "noclobber: $?"; cat clobber
set +C; sync; echo "sync: $?"
