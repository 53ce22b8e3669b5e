/*
 * A plugin for QEMU that counts executed instructions by address, between the calls of
 * profile_begin() and profile_end() in the benchmark's program. tools/profile.py loads it:
 *
 *	-plugin FILE,begin=ADDRESS,end=ADDRESS,out=FILE
 *
 * Each block of translated code adds its length to the counter of the address where it begins, in
 * the kernel's image; whatever is elsewhere has one counter, the user's. The counters always run;
 * what they have when counting begins is taken off. A line of the output is an address and its
 * count.
 *
 * QEMU's own header of this interface (version 1) is in no package: what is used is declared here.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { QEMU_PLUGIN_INLINE_ADD_U64 = 0, QEMU_PLUGIN_CB_NO_REGS = 0 };

void qemu_plugin_register_vcpu_tb_trans_cb(
	qemu_plugin_id_t id, void (*cb)(qemu_plugin_id_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_inline(
	struct qemu_plugin_tb *tb, int op, void *counter, uint64_t add);
void qemu_plugin_register_vcpu_insn_exec_cb(
	struct qemu_plugin_insn *insn, void (*cb)(unsigned int, void *), int flags, void *data);
void qemu_plugin_register_atexit_cb(
	qemu_plugin_id_t id, void (*cb)(qemu_plugin_id_t, void *), void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);

EXPORT int qemu_plugin_version = 1;

#define KERNEL_BASE 0xc0000000u
#define PLACES	    0x1000000u /* bytes that the kernel's image lies in */

static uint64_t *counters; /* of places, the others' after the last; running */
static uint64_t *results;  /* what is counted */
static uint32_t begin_address, end_address;
static unsigned int highest; /* the last place that has code */
static int counting;
static const char *out;

static uint64_t *counter_of(uint32_t address)
{
	unsigned int place = address - KERNEL_BASE;
	if (address < KERNEL_BASE || place >= PLACES)
		return &counters[PLACES];
	highest = place > highest ? place : highest;
	return &counters[place];
}

/* Adds the running counters `times` (1 or -1) to the results. */
static void add_all(int64_t times)
{
	for (unsigned int i = 0; i <= highest; i++)
		results[i] += times * counters[i];
	results[PLACES] += times * counters[PLACES];
}

static void on_begin(unsigned int cpu, void *data)
{
	if (!counting)
		add_all(-1);
	counting = 1;
}

static void on_end(unsigned int cpu, void *data)
{
	if (counting)
		add_all(1);
	counting = 0;
}

static void on_translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb);
	qemu_plugin_register_vcpu_tb_exec_inline(
		tb, QEMU_PLUGIN_INLINE_ADD_U64, counter_of(qemu_plugin_tb_vaddr(tb)), n);
	for (size_t i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint32_t at = qemu_plugin_insn_vaddr(insn);
		if (at == begin_address)
			qemu_plugin_register_vcpu_insn_exec_cb(
				insn, on_begin, QEMU_PLUGIN_CB_NO_REGS, NULL);
		if (at == end_address)
			qemu_plugin_register_vcpu_insn_exec_cb(
				insn, on_end, QEMU_PLUGIN_CB_NO_REGS, NULL);
	}
}

static void on_exit_of_qemu(qemu_plugin_id_t id, void *data)
{
	FILE *file = fopen(out, "w");
	if (!file)
		return;
	fprintf(file, "user %" PRIu64 "\n", results[PLACES]);
	for (unsigned int i = 0; i <= highest; i++) {
		if (results[i])
			fprintf(file, "%x %" PRIu64 "\n", KERNEL_BASE + i, results[i]);
	}
	fclose(file);
}

/* `argument` after `name` and "=", or NULL. */
static const char *value_of(const char *argument, const char *name)
{
	size_t length = strlen(name);
	if (strncmp(argument, name, length) || argument[length] != '=')
		return NULL;
	return argument + length + 1;
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		const char *value;
		if ((value = value_of(argv[i], "begin")))
			begin_address = strtoul(value, NULL, 16);
		else if ((value = value_of(argv[i], "end")))
			end_address = strtoul(value, NULL, 16);
		else if ((value = value_of(argv[i], "out")))
			out = strdup(value);
	}
	counters = calloc(PLACES + 1, sizeof(*counters));
	results = calloc(PLACES + 1, sizeof(*results));
	if (!begin_address || !end_address || !out || !counters || !results)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
	qemu_plugin_register_atexit_cb(id, on_exit_of_qemu, NULL);
	return 0;
}
