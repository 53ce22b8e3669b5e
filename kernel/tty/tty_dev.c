/* The device nodes that lead to the terminal: console, tty, ttyS0, tty0 and tty1. */
#include "kernel/fs/vfs.h"
#include "kernel/tty/tty.h"

static int open_terminal(struct file *f)
{
	return (int)tty_open(f, tty_console());
}

static int open_console(struct file *f)
{
	return (int)tty_open_console(f);
}

static int open_current(struct file *f)
{
	return (int)tty_open_current(f);
}

void __init tty_dev_init(void)
{
	chrdev_register(4, 0, "tty0", 0600, &tty_file_ops, open_terminal);
	chrdev_register(4, 1, "tty1", 0600, &tty_file_ops, open_terminal);
	chrdev_register(4, 64, "ttyS0", 0600, &tty_file_ops, open_terminal);
	chrdev_register(5, 0, "tty", 0666, &tty_file_ops, open_current);
	chrdev_register(5, 1, "console", 0600, &tty_file_ops, open_console);
}
