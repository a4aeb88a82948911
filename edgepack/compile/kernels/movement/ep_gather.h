/* GATHER and EMBEDDING_LOOKUP of items by indices that the model computes. An index out of range takes the nearest item. */
#ifndef EP_GATHER_H
#define EP_GATHER_H

#include "ep_number.h"

struct ep_gather {
    int32_t batches, outer;
    int32_t extent; /* items of a table */
    int32_t bytes;  /* of an item */
    int32_t count;  /* indices of a batch */
    int32_t type;   /* of the indices */
};

EP_KERNEL void ep_gather(const struct ep_gather *op, const void *table, const void *indices, void *output)
{
    const uint8_t *source = (const uint8_t *)table;
    uint8_t *target = (uint8_t *)output;
    int32_t batch, outer, i;
    for (batch = 0; batch < op->batches; batch++) {
        for (outer = 0; outer < op->outer; outer++, source += op->extent * op->bytes) {
            for (i = 0; i < op->count; i++, target += op->bytes) {
                const int32_t index = ep_load_index(indices, batch * op->count + i, op->type, op->extent);
                memcpy(target, source + index * op->bytes, (size_t)op->bytes);
            }
        }
    }
}

#endif
