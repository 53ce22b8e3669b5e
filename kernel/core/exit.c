/* The ways out: every one ends QEMU with a status that tells success from failure, and turns off or
 * restarts a real machine. */
#include "kernel/core/console.h"
#include "kernel/core/log.h"
#include "kernel/core/panic.h"
#include "kernel/lib/fmt.h"
#include "kernel/x86/io.h"
#include "kernel/x86/trap.h"

#define PORT_DEBUG_EXIT 0xf4  /* isa-debug-exit,iobase=0xf4,iosize=4 */
#define PORT_DEBUG_CON	0xe9  /* isa-debugcon */
#define PORT_ACPI_PM1A	0x604 /* PM1a control of QEMU's chipsets */
#define ACPI_S5		0x2000
#define PORT_KBD	0x64
#define KBD_PULSE_RESET 0xfe

static void leave_qemu(enum exit_code code)
{
	irq_disable();
	console_flush();
	outl(PORT_DEBUG_EXIT, code);
}

static __noreturn void stand_still(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

void machine_poweroff(enum exit_code code)
{
	leave_qemu(code);
	outw(PORT_ACPI_PM1A, ACPI_S5);
	stand_still();
}

void machine_reboot(enum exit_code code)
{
	leave_qemu(code);
	outb(PORT_KBD, KBD_PULSE_RESET);
	stand_still();
}

void machine_exit(enum exit_code code)
{
	leave_qemu(code);
	outw(PORT_ACPI_PM1A, ACPI_S5);
	outb(PORT_KBD, KBD_PULSE_RESET);
	stand_still();
}

void machine_report_status(int wait_status)
{
	char line[32];
	int n = scnprintf(line, sizeof(line), "init-status %d\n", wait_status);

	for (int i = 0; i < n; i++)
		outb(PORT_DEBUG_CON, (u8)line[i]);
}

void boot_fail(const char *fmt, ...)
{
	va_list ap;

	irq_disable();
	console_fresh_line();
	console_printf("tessera: cannot start: ");
	va_start(ap, fmt);
	console_vprintf(fmt, ap);
	va_end(ap);
	console_printf("\n");
	machine_exit(EXIT_BOOT);
}
