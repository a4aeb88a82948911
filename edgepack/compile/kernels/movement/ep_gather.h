/* GATHER of items by indices the model computes. An index out of range takes the nearest item. */
#ifndef EP_GATHER_H
#define EP_GATHER_H

#include "ep_common.h"

struct ep_gather {
    int32_t batches, outer;
    int32_t extent; /* items of a table */
    int32_t bytes;  /* of an item */
    int32_t count;  /* indices of a batch */
};

EP_KERNEL void ep_gather(const struct ep_gather *op, const void *table, const int32_t *indices, void *output)
{
    const uint8_t *source = (const uint8_t *)table;
    uint8_t *target = (uint8_t *)output;
    int32_t batch, outer, i;
    for (batch = 0; batch < op->batches; batch++, indices += op->count) {
        for (outer = 0; outer < op->outer; outer++, source += op->extent * op->bytes) {
            for (i = 0; i < op->count; i++, target += op->bytes) {
                memcpy(target, source + ep_clamp(indices[i], 0, op->extent - 1) * op->bytes, (size_t)op->bytes);
            }
        }
    }
}

#endif
