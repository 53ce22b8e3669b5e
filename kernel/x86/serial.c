/* The 16550 UART of the first serial port (National Semiconductor PC16550D data sheet). */
#include "kernel/x86/serial.h"
#include "kernel/x86/io.h"
#include "kernel/x86/trap.h"

#define COM1	 0x3f8
#define COM1_IRQ 4

#define REG_DATA    (COM1 + 0) /* DLAB: divisor, low byte */
#define REG_IER	    (COM1 + 1) /* DLAB: divisor, high byte */
#define REG_FCR	    (COM1 + 2)
#define REG_LCR	    (COM1 + 3)
#define REG_MCR	    (COM1 + 4)
#define REG_LSR	    (COM1 + 5)
#define REG_SCRATCH (COM1 + 7)

#define IER_RECEIVE  0x01
#define FCR_ENABLE   0x07 /* and clear both FIFOs; receive interrupt at one byte */
#define LCR_8N1	     0x03
#define LCR_DLAB     0x80
#define MCR_ON	     0x0b /* DTR, RTS, and OUT2, which lets the interrupt through */
#define LSR_DATA     0x01
#define LSR_TX_EMPTY 0x20
#define FIFO_SIZE    16

static bool present;
static bool throttled;
static void (*receiver)(u8 c);

static bool probe(void)
{
	outb(REG_SCRATCH, 0x5a);
	if (inb(REG_SCRATCH) != 0x5a)
		return false;
	outb(REG_SCRATCH, 0xa5);
	return inb(REG_SCRATCH) == 0xa5;
}

void serial_init(void)
{
	present = probe();
	if (!present)
		return;
	outb(REG_IER, 0);
	outb(REG_LCR, LCR_DLAB);
	outb(REG_DATA, 1); /* 115200 / 1 */
	outb(REG_IER, 0);
	outb(REG_LCR, LCR_8N1);
	outb(REG_FCR, FCR_ENABLE);
	outb(REG_MCR, MCR_ON);
}

/* Waits without limit: under an emulator the FIFO stays full as long as nobody reads what we
 * print, and nothing may be lost. */
void serial_write(const char *s, size_t n)
{
	while (present && n) {
		size_t burst = MIN(n, (size_t)FIFO_SIZE);

		while (!(inb(REG_LSR) & LSR_TX_EMPTY))
			barrier();
		n -= burst;
		while (burst--)
			outb(REG_DATA, (u8)*s++);
	}
}

static void on_irq(struct trapframe *tf)
{
	while (!throttled && (inb(REG_LSR) & LSR_DATA))
		receiver(inb(REG_DATA));
}

void serial_input_start(void (*receive)(u8 c))
{
	if (!present)
		return;
	receiver = receive;
	irq_register(COM1_IRQ, on_irq);
	outb(REG_IER, IER_RECEIVE);
}

void serial_throttle(bool on)
{
	u32 flags = irq_save();

	throttled = on;
	if (present && receiver)
		outb(REG_IER, on ? 0 : IER_RECEIVE);
	irq_restore(flags);
}
