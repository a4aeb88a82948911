/* PAD: copy rows into a larger tensor filled with one value. The last axis is a row; up to four axes lie above it. */
#ifndef EP_PAD_H
#define EP_PAD_H

#include "ep_common.h"

#define EP_PAD_OUTER 4

struct ep_pad {
    int32_t rows;                      /* output rows */
    int32_t out_extents[EP_PAD_OUTER]; /* of the axes above the row */
    int32_t in_extents[EP_PAD_OUTER];
    int32_t before[EP_PAD_OUTER];
    int32_t row_before, row_copy, row_after; /* bytes */
    int32_t element;                         /* bytes */
    int32_t value;
};

EP_INLINE uint8_t *ep_pad_fill(const struct ep_pad *op, uint8_t *output, int32_t bytes)
{
    int32_t i;
    if (op->element == 1) {
        memset(output, op->value, (size_t)bytes);
    } else {
        for (i = 0; i < bytes; i += op->element) {
            memcpy(output + i, &op->value, (size_t)op->element); /* little-endian cores only, as all Cortex-M firmware */
        }
    }
    return output + bytes;
}

EP_KERNEL void ep_pad(const struct ep_pad *op, const void *input, void *output)
{
    const uint8_t *source = (const uint8_t *)input;
    uint8_t *target = (uint8_t *)output;
    int32_t row;
    for (row = 0; row < op->rows; row++) {
        int32_t rest = row, inside = 1, axis;
        for (axis = EP_PAD_OUTER - 1; axis >= 0; axis--) {
            const int32_t position = rest % op->out_extents[axis] - op->before[axis];
            rest /= op->out_extents[axis];
            inside = inside && position >= 0 && position < op->in_extents[axis];
        }
        if (inside) {
            target = ep_pad_fill(op, target, op->row_before);
            memcpy(target, source, (size_t)op->row_copy);
            source += op->row_copy;
            target = ep_pad_fill(op, target + op->row_copy, op->row_after);
        } else {
            target = ep_pad_fill(op, target, op->row_before + op->row_copy + op->row_after);
        }
    }
}

#endif
