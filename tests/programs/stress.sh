# stress-ng's memory stressors check themselves (--verify), a second each.
for s in brk mmapfork mremap mprotect mincore mlock munmap shm-sysv stack fork vfork fault vm zero \
	pthread; do
	stress-ng --$s 1 --timeout 1 --verify >out 2>&1
	echo "$s $?"
	grep -a 'fail:\|corrupted' out
done
