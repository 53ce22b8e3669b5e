/*
 * The Bochs display interface (QEMU's docs/specs/standard-vga.rst): an index and a data port. The
 * memory behind it is BAR 0 of the PCI device (PCI Local Bus Specification 3.0, 3.2.2.3.2
 * and 6.2.5).
 */
#include "kernel/x86/dispi.h"
#include "kernel/x86/io.h"

#define PORT_INDEX 0x1ce
#define PORT_DATA  0x1cf

enum { ID, XRES, YRES, BPP, ENABLE }; /* registers */

#define ID_OLDEST   0xb0c2 /* the first with 32 bits a pixel and a linear framebuffer */
#define ID_MASK	    0xfff0
#define ENABLED	    0x01
#define ENABLED_LFB 0x40

#define PCI_ADDRESS 0xcf8
#define PCI_DATA    0xcfc
#define PCI_ENABLE  0x80000000u
#define PCI_DEVICES 32u
#define PCI_BAR0    0x10u
#define BAR_MEMORY  0xfffffff0u
#define ADAPTER	    0x11111234u /* device and vendor */

/* A register of a device on the first bus. */
static __init u32 pci_read(u32 device, u32 reg)
{
	outl(PCI_ADDRESS, PCI_ENABLE | device << 11 | reg);
	return inl(PCI_DATA);
}

/* Where the adapter's memory is; 0: there is no adapter. */
static __init u32 adapter_memory(void)
{
	for (u32 device = 0; device < PCI_DEVICES; device++)
		if (pci_read(device, 0) == ADAPTER)
			return pci_read(device, PCI_BAR0) & BAR_MEMORY;
	return 0;
}

static __init u16 dispi_read(u16 reg)
{
	outw(PORT_INDEX, reg);
	return inw(PORT_DATA);
}

static __init void dispi_write(u16 reg, u32 v)
{
	outw(PORT_INDEX, reg);
	outw(PORT_DATA, (u16)v);
}

bool __init dispi_set_mode(struct boot_framebuffer *out, u32 width, u32 height)
{
	u32 memory = adapter_memory();
	u16 id = dispi_read(ID);

	if (!memory || (id & ID_MASK) != (ID_OLDEST & ID_MASK) || id < ID_OLDEST)
		return false;
	dispi_write(ENABLE, 0);
	dispi_write(XRES, width);
	dispi_write(YRES, height);
	dispi_write(BPP, 32);
	dispi_write(ENABLE, ENABLED | ENABLED_LFB);
	*out = (struct boot_framebuffer){
		.addr = memory,
		.pitch = width * (u32)sizeof(u32),
		.width = width,
		.height = height,
		.bits = 32,
		.red_at = 16,
		.green_at = 8,
		.blue_at = 0,
	};
	return true;
}
