/* The i8042 keyboard controller. The firmware has left the keyboard itself enabled. */
#include "kernel/x86/keyboard.h"
#include "kernel/x86/io.h"
#include "kernel/x86/trap.h"

#define KBD_IRQ 1

#define PORT_DATA   0x60
#define PORT_STATUS 0x64 /* write: command */

#define STATUS_OUT_FULL 0x01
#define STATUS_IN_FULL	0x02
#define STATUS_AUX	0x20 /* the byte comes from the mouse */
#define STATUS_NONE	0xff /* no controller there */

#define CMD_READ_CONFIG	 0x20
#define CMD_WRITE_CONFIG 0x60
#define CONFIG_IRQ1	 0x01
#define CONFIG_KBD_OFF	 0x10
#define CONFIG_TRANSLATE 0x40 /* to scancode set 1 */

/* Status reads, about 1 us each, before the controller is given up. */
#define PATIENCE 10000

static void (*receiver)(u8 code);

static bool wait_status(u8 mask, u8 value)
{
	for (u32 i = 0; i < PATIENCE; i++)
		if ((inb(PORT_STATUS) & mask) == value)
			return true;
	return false;
}

static bool command(u8 cmd)
{
	if (!wait_status(STATUS_IN_FULL, 0))
		return false;
	outb(PORT_STATUS, cmd);
	return true;
}

static void on_irq(struct trapframe *tf)
{
	u8 status;

	while ((status = inb(PORT_STATUS)) & STATUS_OUT_FULL) {
		u8 code = inb(PORT_DATA);

		if (!(status & STATUS_AUX))
			receiver(code);
	}
}

/* Turns on the interrupt and the translation. */
static bool configure(void)
{
	u8 config;

	if (!command(CMD_READ_CONFIG) || !wait_status(STATUS_OUT_FULL, STATUS_OUT_FULL))
		return false;
	config = inb(PORT_DATA);
	if (!command(CMD_WRITE_CONFIG) || !wait_status(STATUS_IN_FULL, 0))
		return false;
	config |= CONFIG_IRQ1 | CONFIG_TRANSLATE;
	outb(PORT_DATA, config & (u8)~CONFIG_KBD_OFF);
	return true;
}

void keyboard_input_start(void (*receive)(u8 code))
{
	if (inb(PORT_STATUS) == STATUS_NONE)
		return;
	for (u32 i = 0; i < 16 && (inb(PORT_STATUS) & STATUS_OUT_FULL); i++)
		inb(PORT_DATA);
	if (!configure())
		return;
	receiver = receive;
	irq_register(KBD_IRQ, on_irq);
}
