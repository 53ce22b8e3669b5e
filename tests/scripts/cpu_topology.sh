# What lscpu(1) and C libraries read of the machine's one processor.
cd /sys/devices/system/cpu
for file in kernel_max offline isolated online present possible; do
	echo "$file: $(cat $file)"
done
cd cpu0/topology
for file in *; do
	echo "$file: $(cat $file)"
done
