# stress-ng's memory stressors check themselves (--verify), a second each.
for s in brk mmap mmapfork mremap mprotect mincore mlock munmap shm-sysv stack fork vfork clone fault vm \
	vm-splice malloc zero pthread madvise; do
	stress-ng --$s 1 --timeout 1 --verify >out 2>&1
	echo "$s $?"
	grep -a 'fail:\|corrupted' out
done
# These take all memory that they get.
ulimit -v 200000
for s in 'bigheap 1' 'memfd 1 --memfd-bytes 16M' 'shm 1 --shm-bytes 1M' \
	'userfaultfd 1 --userfaultfd-bytes 8M' 'msync 1 --msync-bytes 32M'; do
	stress-ng --$s --timeout 1 --verify >out 2>&1
	echo "$s $?"
	grep -a 'fail:\|corrupted' out
done
