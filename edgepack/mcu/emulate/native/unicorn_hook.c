/* unicorn's hooks in C: Python callbacks for every block and access would be a hundred times slower. */
#include "profile.h"

void edgepack_block_hook(void *engine, uint64_t address, uint32_t size, void *user_data);
void edgepack_access_hook(void *engine, int kind, uint64_t address, int size, int64_t value, void *user_data);
void edgepack_base_hook(void *engine, uint64_t address, uint32_t size, void *user_data);

/* uc_cb_hookcode_t of unicorn.h. */
void edgepack_block_hook(void *engine, uint64_t address, uint32_t size, void *user_data)
{
    (void)engine;
    profile_block(user_data, (uint32_t)address & ~1u, size);
}

/* Finding accesses that the core would refuse: unicorn lets every unaligned access pass. */
struct alignment {
    int (*read_register)(void *engine, int number, void *value);
    int program_counter; /* the register's number */
    uint32_t found, pc, address;
};

/* An instruction that needs an aligned address, and unicorn's number of the register that holds it. */
struct site {
    struct alignment *alignment;
    int base_register;
};

static void refuse(struct alignment *alignment, uint32_t pc, uint32_t address)
{
    if (!alignment->found) {
        alignment->found = 1;
        alignment->pc = pc;
        alignment->address = address;
    }
}

/* Armv6-M refuses every unaligned access. uc_cb_hookmem_t of unicorn.h; the program counter is that of the block's start. */
void edgepack_access_hook(void *engine, int kind, uint64_t address, int size, int64_t value, void *user_data)
{
    struct alignment *alignment = user_data;
    (void)kind;
    (void)value;
    if ((address & (uint64_t)(size - 1)) != 0) {
        uint32_t pc = 0;
        alignment->read_register(engine, alignment->program_counter, &pc);
        refuse(alignment, pc, (uint32_t)address);
    }
}

/* Before each instruction of alignment.py. uc_cb_hookcode_t of unicorn.h. */
void edgepack_base_hook(void *engine, uint64_t address, uint32_t size, void *user_data)
{
    const struct site *site = user_data;
    (void)size;
    uint32_t base = 0;
    site->alignment->read_register(engine, site->base_register, &base);
    if ((base & 3u) != 0) {
        refuse(site->alignment, (uint32_t)address, base);
    }
}
