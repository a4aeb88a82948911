/* Copy elements that tables tell: GATHER of constant indices, MIRROR_PAD, RESIZE_NEAREST_NEIGHBOR, BATCH_TO_SPACE_ND. */
#ifndef EP_COPY_INDEXED_H
#define EP_COPY_INDEXED_H

#include "ep_common.h"

#define EP_INDEXED_RANK 4

struct ep_copy_indexed {
    int32_t bytes;                    /* copied at a time */
    int32_t extents[EP_INDEXED_RANK]; /* of the output, leading ones */
    const int32_t *offsets;           /* for each axis in turn: the byte offsets of its positions, which add up */
};

EP_KERNEL void ep_copy_indexed(const struct ep_copy_indexed *op, const void *input, void *output)
{
    const uint8_t *const source = (const uint8_t *)input;
    uint8_t *target = (uint8_t *)output;
    const int32_t *const first = op->offsets;
    const int32_t *const second = first + op->extents[0];
    const int32_t *const third = second + op->extents[1];
    const int32_t *const fourth = third + op->extents[2];
    int32_t a, b, c, d;
    for (a = 0; a < op->extents[0]; a++) {
        for (b = 0; b < op->extents[1]; b++) {
            for (c = 0; c < op->extents[2]; c++) {
                const uint8_t *const from = source + first[a] + second[b] + third[c];
                for (d = 0; d < op->extents[3]; d++, target += op->bytes) {
                    memcpy(target, from + fourth[d], (size_t)op->bytes);
                }
            }
        }
    }
}

#endif
