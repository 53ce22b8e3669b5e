# sort of 64 MiB with four threads, in memory and then with temporary files.
numbers() { seq -f %063.0f 0 7 7340025; }
numbers | wc
numbers | sort -r --parallel=4 -S 100M | md5sum
numbers | sort -r --parallel=4 -S 12M | md5sum
