/* LOGICAL_AND and LOGICAL_OR of booleans (0 or 1), with broadcasting. */
#ifndef EP_LOGICAL_H
#define EP_LOGICAL_H

#include "ep_rows.h"

struct ep_logical {
    int32_t both; /* 1: and, 0: or */
    struct ep_rows shape;
};

EP_KERNEL void ep_logical(const struct ep_logical *op, const uint8_t *first, const uint8_t *second, uint8_t *output)
{
    const struct ep_rows *const shape = &op->shape;
    int32_t row, i, a, b;
    for (row = 0; row < shape->rows; row++) {
        ep_broadcast_offsets(&shape->outer, row, &a, &b);
        for (i = 0; i < shape->columns; i++, a += shape->step_1, b += shape->step_2) {
            *output++ = (uint8_t)(op->both ? first[a] & second[b] : first[a] | second[b]);
        }
    }
}

#endif
