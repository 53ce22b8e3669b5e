/* Bringing the file layer up, for main(). In this order. */
#ifndef FS_FS_H
#define FS_FS_H

/* Caches, file-system types, device numbers, an empty root. */
void fs_init(void);

/* Unpacks the first module into the root; boot_fail() with one clear line when it cannot. The
 * frames of the module become page cache or free memory. */
void initramfs_unpack(void);

/* Mounts devtmpfs on /dev, tmpfs on /dev/shm and (unless it has something in it) /tmp, proc on
 * /proc, sysfs on /sys and tracefs on /sys/kernel/tracing, for programs that expect to find them; an
 * /init may mount its own over them. */
void fs_mount_defaults(void);

#endif
