/* The block hook of unicorn (uc_cb_hookcode_t) in C: a Python callback for every block is ten times slower. */
#include "profile.h"

void edgepack_block_hook(void *engine, uint64_t address, uint32_t size, void *user_data);

void edgepack_block_hook(void *engine, uint64_t address, uint32_t size, void *user_data)
{
    (void)engine;
    profile_block(user_data, (uint32_t)address & ~1u, size);
}
