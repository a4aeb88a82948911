/* DYNAMIC_UPDATE_SLICE: a tensor with a block written over it, from `start` on; a block that would reach out moves inside. */
#ifndef EP_UPDATE_SLICE_H
#define EP_UPDATE_SLICE_H

#include "ep_number.h"

#define EP_UPDATE_SLICE_RANK 6

struct ep_update_slice {
    int32_t size;  /* bytes of the tensor */
    int32_t bytes; /* of an element */
    int32_t axes;  /* positions in `start` */
    int32_t type;  /* of them */
    int32_t whole[EP_UPDATE_SLICE_RANK], block[EP_UPDATE_SLICE_RANK];
};

EP_KERNEL void ep_update_slice(const struct ep_update_slice *op, const void *input, const void *block, const void *start, void *output)
{
    const uint8_t *source = (const uint8_t *)block;
    int32_t first[EP_UPDATE_SLICE_RANK] = {0};
    int32_t count = 1, i, axis;
    if (input != output) {
        memcpy(output, input, (size_t)op->size);
    }
    for (axis = 0; axis < EP_UPDATE_SLICE_RANK; axis++) {
        count *= op->block[axis];
        if (axis < op->axes) {
            first[axis] = ep_load_index(start, axis, op->type, op->whole[axis] - op->block[axis] + 1);
        }
    }
    for (i = 0; i < count; i++, source += op->bytes) {
        int32_t rest = i, step = op->bytes;
        uint8_t *target = (uint8_t *)output;
        for (axis = EP_UPDATE_SLICE_RANK - 1; axis >= 0; axis--) {
            target += (first[axis] + rest % op->block[axis]) * step;
            rest /= op->block[axis];
            step *= op->whole[axis];
        }
        memcpy(target, source, (size_t)op->bytes);
    }
}

#endif
