/* Counting executed blocks of Thumb code, shared by the unicorn hook and the QEMU plugin.

   A block is straight-line code that the emulator translates as one: its number of executions times its instructions is
   exact. Counting is on between the entry of the function under test and the first block of its caller after it. Each block
   execution is charged to an owner: a block that starts in code the host marked switches the owner, other code inherits it,
   so that a function belongs to whom it works for. A block that ends in code of another owner hands over at its end: its
   last instruction is the call. A block that does not follow the one before in memory was reached by a taken branch. */
#ifndef EDGEPACK_PROFILE_H
#define EDGEPACK_PROFILE_H

#include <stdint.h>

/* All arrays belong to the host; a half-word index is (address - code_start) / 2. */
struct profile {
    uint32_t code_start, code_bytes;
    uint32_t entry;                     /* first address of the function under test */
    uint32_t caller_start, caller_end;  /* its caller */
    uint32_t owner_count, block_capacity;
    uint16_t *owner_of;      /* [half-words]: 0 none, else owner + 1 to switch to */
    uint32_t *block_of;      /* [half-words]: 0 not seen, else block + 1 */
    uint32_t *block_start;   /* [block_capacity] */
    uint32_t *block_bytes;   /* [block_capacity] */
    uint64_t *executed;      /* [owner_count][block_capacity] */
    uint64_t *branched;      /* [owner_count][block_capacity]: left by a taken branch */
    /* running state */
    uint32_t active, runs, owner, block_count, lost, resized;
    uint32_t previous, previous_end, previous_owner;
};

static inline void profile_block(struct profile *p, uint32_t address, uint32_t bytes)
{
    if (!p->active) {
        if (address != p->entry) {
            return;
        }
        p->active = 1;
        p->runs++;
        p->owner = 0;
        p->previous_end = address; /* the call itself belongs to the caller */
        p->previous = UINT32_MAX;
    } else if (address >= p->caller_start && address < p->caller_end) {
        if (p->previous != UINT32_MAX) {
            p->branched[(uint64_t)p->previous_owner * p->block_capacity + p->previous]++;
        }
        p->active = 0;
        return;
    }
    const uint32_t index = (address - p->code_start) / 2u;
    if (address < p->code_start || index >= p->code_bytes / 2u) {
        p->lost++;
        return;
    }
    uint32_t block = p->block_of[index];
    if (block == 0) {
        if (p->block_count == p->block_capacity) {
            p->lost++;
            return;
        }
        block = ++p->block_count;
        p->block_of[index] = block;
        p->block_start[block - 1] = address;
        p->block_bytes[block - 1] = bytes;
    }
    block--;
    p->resized += p->block_bytes[block] != bytes;
    if (p->previous != UINT32_MAX && address != p->previous_end) {
        p->branched[(uint64_t)p->previous_owner * p->block_capacity + p->previous]++;
    }
    if (p->owner_of[index] != 0) {
        p->owner = p->owner_of[index] - 1u;
    }
    const uint32_t owner = p->owner;
    p->executed[(uint64_t)owner * p->block_capacity + block]++;
    const uint32_t last = index + bytes / 2u - 1u;
    if (last < p->code_bytes / 2u && p->owner_of[last] != 0) {
        p->owner = p->owner_of[last] - 1u;
    }
    p->previous = block;
    p->previous_end = address + bytes;
    p->previous_owner = owner;
}

#endif
