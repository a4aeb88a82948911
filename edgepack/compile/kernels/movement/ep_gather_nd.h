/* GATHER_ND of blocks by positions along the leading axes. A position out of range becomes the nearest. */
#ifndef EP_GATHER_ND_H
#define EP_GATHER_ND_H

#include "ep_number.h"

#define EP_GATHER_ND_RANK 6

struct ep_gather_nd {
    int32_t count; /* blocks */
    int32_t bytes; /* of a block */
    int32_t type;  /* of the positions */
    int32_t rank;  /* positions of a block */
    int32_t extents[EP_GATHER_ND_RANK];
};

EP_KERNEL void ep_gather_nd(const struct ep_gather_nd *op, const void *table, const void *positions, void *output)
{
    uint8_t *target = (uint8_t *)output;
    int32_t i, axis;
    for (i = 0; i < op->count; i++, target += op->bytes) {
        int32_t block = 0;
        for (axis = 0; axis < op->rank; axis++) {
            block = block * op->extents[axis] + ep_load_index(positions, i * op->rank + axis, op->type, op->extents[axis]);
        }
        memcpy(target, (const uint8_t *)table + block * op->bytes, (size_t)op->bytes);
    }
}

#endif
