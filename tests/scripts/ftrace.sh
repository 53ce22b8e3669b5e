# The files of tracefs and the lines they show. What differs from run to run or between kernels is
# replaced by a word; what is left is the format.
T=/sys/kernel/tracing
[ -e $T/trace ] || mount -t tracefs tracefs $T
cd $T

shape() {
	sed -E 's/^ *[^ ]+-[0-9]+ +/TASK-PID /; s/\[000\] [d.b][N.][hsH.][0-9.][0-9.]/[000] CTX/
		s/ +[0-9]+\.[0-9]{6}: / TIME: /; s/(ptr|page)=[0-9a-f]{8}/\1=PTR/g
		s/call_site=[^ ]+\+0x[0-9a-f]+\/0x[0-9a-f]+/call_site=SYM/
		s/ip=[a-z_][a-z0-9_.]*/ip=SYM/; s/gfp_flags=[^ ]+/gfp_flags=GFP/
		s/accounted=(true|false)/accounted=BOOL/; s/type=MM_[A-Z]+/type=COUNT/
		s/comm=[^ ]+/comm=COMM/g; s/name=[^ ]+/name=NAME/; s/filename=[^ ]+/filename=FILE/
		s/0x[0-9a-f]+/0xN/g; s/([ (=:])-?[0-9a-f]*[0-9][0-9a-f]*/\1N/g
		s/: [a-f]+([,)])/: N\1/g; s/\([a-f]+,/(N,/; s/, [a-f]+([,)])/, N\1/g' "$@"
}

# Lines of some events, while something happens that makes them.
lines() {
	echo "--- $1"
	echo >trace
	echo "$1" >set_event
	case $1 in kmem:mm_page_*) dd if=/dev/zero of=/dev/null bs=4M count=1 2>/dev/null ;; esac
	(exec busybox true)
	echo >set_event
	grep -E ": $2" trace | shape | sort -u
}

echo "--- header"
cat trace | sed -E 's/entries-in-buffer.*P:/entries P:/'
for e in page_fault_user page_fault_kernel; do
	lines exceptions:$e "$e: "
done
for e in mm_page_alloc mm_page_free mm_page_free_batched mm_page_alloc_zone_locked \
	mm_page_pcpu_drain kmalloc kfree kmem_cache_alloc kmem_cache_free rss_stat; do
	lines kmem:$e "$e: "
done
lines raw_syscalls:sys_enter "sys_enter: NR 45 "
lines raw_syscalls:sys_exit "sys_exit: NR 45 "
for e in brk mprotect mmap_pgoff; do
	lines syscalls:sys_enter_$e sys_
	lines syscalls:sys_exit_$e sys_
done
lines sched:sched_process_fork sched_
lines sched:sched_process_exec sched_
lines sched:sched_process_exit sched_

echo "--- choosing"
cat current_tracer events/kmem/enable events/kmem/kmalloc/enable
echo 1 >events/kmem/kmalloc/enable
cat events/kmem/kmalloc/enable events/kmem/enable events/enable set_event
echo kmem:kfree >>set_event
sort set_event
echo '!kmem:kmalloc' >>set_event
cat set_event
echo sys_enter_brk sys_enter_munmap >set_event
sort set_event
echo exceptions: >set_event
sort set_event
echo 1 >events/kmem/enable
cat events/kmem/enable
echo 0 >events/kmem/enable
cat events/kmem/enable
echo nosuch >set_event; echo "status $?"
echo 2 >events/kmem/kfree/enable; echo "status $?"
echo x >events/kmem/kfree/enable; echo "status $?"
echo 0 >buffer_size_kb; echo "status $?"
echo >set_event
cat set_event
grep -cE '^(kmem:kmalloc|exceptions:page_fault_user|syscalls:sys_exit_brk)$' available_events

echo "--- switch and marker"
echo >trace
echo 0 >tracing_on
cat tracing_on
echo unheard >trace_marker; echo "status $?"
echo 1 >tracing_on
echo hello >trace_marker
printf 'no newline' >trace_marker
tail -n +13 trace | shape
head -n 1 trace_pipe | shape
tail -n +13 trace | shape
cat trace_marker; echo "status $?"
