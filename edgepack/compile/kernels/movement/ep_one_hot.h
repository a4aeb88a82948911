/* ONE_HOT: along a new axis one value where the index says, another elsewhere; an index out of range is nowhere. */
#ifndef EP_ONE_HOT_H
#define EP_ONE_HOT_H

#include "ep_number.h"

struct ep_one_hot {
    int32_t outer, depth, inner; /* the new axis has `depth` positions, `inner` elements apart */
    int32_t type;                /* of the indices */
    int32_t bytes;               /* of a value */
};

EP_KERNEL void ep_one_hot(const struct ep_one_hot *op, const void *indices, const void *on, const void *off, void *output)
{
    uint8_t *target = (uint8_t *)output;
    int32_t outer, position, inner;
    for (outer = 0; outer < op->outer; outer++) {
        for (position = 0; position < op->depth; position++) {
            for (inner = 0; inner < op->inner; inner++, target += op->bytes) {
                const int64_t index = ep_load(indices, outer * op->inner + inner, op->type);
                memcpy(target, index == position ? on : off, (size_t)op->bytes);
            }
        }
    }
}

#endif
