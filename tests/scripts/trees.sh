# Trees of files: find, ln, mv, cp -a, rm, du, permissions.

mkdir -p a/b/c a/d 'a/with space'
for i in 1 2 3 4 5; do echo "file $i" >a/f$i; echo "deep $i" >a/b/c/g$i; done
echo spaced >'a/with space/a file'
ln -s f1 a/soft; ln -s missing a/dangling; ln -s b a/dirlink
ln a/f2 a/hard
mkfifo a/fifo
chmod 700 a/d; chmod 4755 a/f3; chmod 000 a/f4

find a | sort
find a -type f | wc -l; find a -type l | sort; find a -type d | sort; find a -type p
find a -name 'g[1-3]' | sort
find a -perm 4755; find a -links 2 -type f | sort; find a -empty | sort
find a -maxdepth 1 -type f -name 'f*' -exec wc -c {} + | tail -n 1
find a -name '*g*' -size -2 -print0 | xargs -0 -n 1 basename | sort
find a -newer a/f1 -name none; find a -path '*b/c*' -prune -o -type f -print | sort
find . -name f5 -exec rm {} \;; ls a/f5 2>/dev/null; echo "deleted: $?"

ls -1 a; ls -1d a/*/; ls -1A a/d; ls -1 a/b/c
ls -l a | awk 'NR > 1 { print $1, $2, $3, $4, $NF }'
stat -c '%A %h %u:%g %F %n' a/* | sort -k 5
readlink a/soft; readlink -f a/dirlink/c/g1 | sed 's,.*/a/,a/,'
realpath a/b/../f1 | sed 's,.*/a/,a/,'
cat a/soft a/dirlink/c/g2; cat a/dangling 2>/dev/null; echo "dangling: $?"

cp -a a copy; diff -r a/b copy/b && echo same
find copy | wc -l; readlink copy/soft; stat -c '%a' copy/f3 copy/f4 copy/d
[ copy/f2 -ef copy/hard ]; echo "hard link: $?"
[ a/f1 -ot copy/f1 ] || [ a/f1 -nt copy/f1 ]; echo "times differ: $?"
cp a/f1 'copy/with space'; ls -1 'copy/with space'
cp a/f1 a/f2 copy/d; ls -1 copy/d
cp a/missing x 2>/dev/null; echo "cp: $?"
cp a x 2>/dev/null; echo "cp without -r: $?"
cp -r a/b copy/b2; find copy/b2 | sort

mv copy/f1 copy/renamed; ls copy/renamed copy/f1 2>/dev/null
mv copy/renamed copy/hard copy/d; ls -1 copy/d
mv copy/b copy/d; find copy/d | sort
mv copy/d copy/d/b 2>/dev/null; echo "into itself: $?"
mv -n a/f1 a/f2; cat a/f2
mv a/f1 a/f2; cat a/f2; cat a/hard
rmdir a/b 2>/dev/null; echo "rmdir: $?"
rm a/b 2>/dev/null; echo "rm folder: $?"
rm a/missing 2>/dev/null; echo "rm missing: $?"; rm -f a/missing; echo "rm -f: $?"
rm a/soft; ls a/f2; rm -r a/dirlink; ls a/b
umask 027; touch new; mkdir newdir; stat -c '%a' new newdir; umask 022
chmod u+x,g-r,o= new; stat -c %a new; chmod -R 755 a/b; stat -c %a a/b/c/g1
chown 12:34 new; stat -c '%u %g' new
touch -d '2010-01-02 03:04:05' new; stat -c %Y new
touch -r new other; [ other -nt new ]; echo "newer: $?"
mkdir many; cd many; for i in $(seq 1 300); do : >file$i; done
ls | wc -l; rm file*; ls | wc -l; cd ..
rm -rf a copy; ls | sort
