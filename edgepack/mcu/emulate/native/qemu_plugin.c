/* The same block counting as a QEMU TCG plugin: qemu-system-arm -plugin LIB,plan=FILE,counts=FILE.

   Distributions ship QEMU without qemu-plugin.h, so the few functions used are declared here (docs/devel/tcg-plugins.rst of
   QEMU; they are the same from 6.0 on). PLUGIN_API_VERSION is the version to claim: QEMU refuses those outside its range. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profile.h"

#ifndef PLUGIN_API_VERSION
#define PLUGIN_API_VERSION 1
#endif

typedef uint64_t plugin_id;
struct qemu_info_t;
struct qemu_plugin_tb;
enum callback_flags { NO_REGISTERS };

__attribute__((visibility("default"))) int qemu_plugin_version = PLUGIN_API_VERSION;
int qemu_plugin_install(plugin_id id, const struct qemu_info_t *info, int argc, char **argv);
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, void (*callback)(plugin_id, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, void (*callback)(unsigned, void *),
                                          enum callback_flags flags, void *data);
void qemu_plugin_register_atexit_cb(plugin_id id, void (*callback)(plugin_id, void *), void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);

static struct profile profile;
static uint16_t *code;
static const char *counts_file;

struct block {
    uint32_t address, bytes;
};

static void on_executed(unsigned core, void *data)
{
    (void)core;
    const struct block *block = data;
    profile_block(&profile, block->address, block->bytes);
}

/* qemu_plugin_insn_size() is too large for an instruction before a page border: it includes the half-word that the translator
   peeks at. So the length comes from the code: 32-bit instructions start with 0b11101, 0b11110 or 0b11111. */
static uint32_t length_of(uint32_t address, size_t instructions)
{
    uint32_t bytes = 0;
    for (size_t count = 0; count < instructions; count++) {
        const uint32_t index = (address + bytes - profile.code_start) / 2u;
        bytes += address >= profile.code_start && index < profile.code_bytes / 2u && code[index] >= 0xE800u ? 4u : 2u;
    }
    return bytes;
}

static void on_translated(plugin_id id, struct qemu_plugin_tb *tb)
{
    (void)id;
    struct block *block = malloc(sizeof *block);
    if (block == NULL) {
        abort();
    }
    block->address = (uint32_t)qemu_plugin_tb_vaddr(tb);
    block->bytes = length_of(block->address, qemu_plugin_tb_n_insns(tb));
    qemu_plugin_register_vcpu_tb_exec_cb(tb, on_executed, NO_REGISTERS, block);
}

static void write_rows(FILE *file, const uint64_t *rows)
{
    for (uint32_t owner = 0; owner < profile.owner_count; owner++) {
        fwrite(rows + (uint64_t)owner * profile.block_capacity, sizeof *rows, profile.block_count, file);
    }
}

/* uint32: runs, block_count, lost, resized; block_start[], block_bytes[]; uint64: executed[][], branched[][]. */
static void on_exit_write(plugin_id id, void *data)
{
    (void)id;
    (void)data;
    FILE *file = fopen(counts_file, "wb");
    if (file == NULL) {
        return;
    }
    const uint32_t head[4] = {profile.runs, profile.block_count, profile.lost, profile.resized};
    fwrite(head, sizeof head, 1, file);
    fwrite(profile.block_start, sizeof *profile.block_start, profile.block_count, file);
    fwrite(profile.block_bytes, sizeof *profile.block_bytes, profile.block_count, file);
    write_rows(file, profile.executed);
    write_rows(file, profile.branched);
    fclose(file);
}

static void *zeros(uint64_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

/* uint32: the first seven members of struct profile; uint16: owner_of[], then the code itself. */
static int read_plan(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint32_t head[7];
    if (file == NULL || fread(head, sizeof head, 1, file) != 1) {
        return 0;
    }
    memcpy(&profile, head, sizeof head);
    const uint32_t half_words = profile.code_bytes / 2u;
    profile.owner_of = zeros(half_words, sizeof *profile.owner_of);
    profile.block_of = zeros(half_words, sizeof *profile.block_of);
    profile.block_start = zeros(profile.block_capacity, sizeof *profile.block_start);
    profile.block_bytes = zeros(profile.block_capacity, sizeof *profile.block_bytes);
    profile.executed = zeros((uint64_t)profile.owner_count * profile.block_capacity, sizeof *profile.executed);
    profile.branched = zeros((uint64_t)profile.owner_count * profile.block_capacity, sizeof *profile.branched);
    code = zeros(half_words, sizeof *code);
    const int complete = fread(profile.owner_of, sizeof *profile.owner_of, half_words, file) == half_words &&
                         fread(code, sizeof *code, half_words, file) == half_words;
    fclose(file);
    return complete;
}

__attribute__((visibility("default"))) int qemu_plugin_install(plugin_id id, const struct qemu_info_t *info, int argc,
                                                               char **argv)
{
    (void)info;
    const char *plan_file = NULL;
    for (int index = 0; index < argc; index++) {
        if (strncmp(argv[index], "plan=", 5) == 0) {
            plan_file = argv[index] + 5;
        } else if (strncmp(argv[index], "counts=", 7) == 0) {
            counts_file = strdup(argv[index] + 7);
        }
    }
    if (plan_file == NULL || counts_file == NULL || !read_plan(plan_file)) {
        fprintf(stderr, "edgepack plugin: no plan\n");
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translated);
    qemu_plugin_register_atexit_cb(id, on_exit_write, NULL);
    return 0;
}
