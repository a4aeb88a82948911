/* SCATTER_ND of plain integers: zeros, to which blocks are added at positions along the leading axes.
 *
 * A block whose position is out of range is left out. */
#ifndef EP_SCATTER_ND_H
#define EP_SCATTER_ND_H

#include "ep_number.h"

#define EP_SCATTER_ND_RANK 6

struct ep_scatter_nd {
    int32_t size;                        /* elements of the output */
    int32_t count, block;                /* blocks, elements of each */
    int32_t index_type, type;            /* of the positions, of the elements */
    int32_t rank;                        /* positions of a block */
    int32_t extents[EP_SCATTER_ND_RANK]; /* leading ones of the output */
};

EP_KERNEL void ep_scatter_nd(const struct ep_scatter_nd *op, const void *positions, const void *blocks, void *output)
{
    int32_t i, j, axis;
    for (i = 0; i < op->size; i++) {
        ep_store(output, i, op->type, 0);
    }
    for (i = 0; i < op->count; i++) {
        int32_t at = 0, inside = 1;
        for (axis = 0; axis < op->rank; axis++) {
            const int64_t position = ep_load(positions, i * op->rank + axis, op->index_type);
            inside = inside && position >= 0 && position < op->extents[axis];
            at = inside ? at * op->extents[axis] + (int32_t)position : 0;
        }
        for (j = 0; j < op->block && inside; j++) {
            const int32_t k = at * op->block + j;
            const uint64_t sum = (uint64_t)ep_load(output, k, op->type) + (uint64_t)ep_load(blocks, i * op->block + j, op->type);
            ep_store(output, k, op->type, (int64_t)sum);
        }
    }
}

#endif
