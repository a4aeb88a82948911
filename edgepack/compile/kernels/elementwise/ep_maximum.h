/* MAXIMUM and MINIMUM, int8, with broadcasting. */
#ifndef EP_MAXIMUM_H
#define EP_MAXIMUM_H

#include "ep_rows.h"

struct ep_maximum {
    int32_t minimum; /* 1: take the smaller, 0: the larger */
    struct ep_rows shape;
};

EP_KERNEL void ep_maximum(const struct ep_maximum *op, const int8_t *first, const int8_t *second, int8_t *output)
{
    const struct ep_rows *const shape = &op->shape;
    int32_t row, i, a, b;
    for (row = 0; row < shape->rows; row++) {
        ep_broadcast_offsets(&shape->outer, row, &a, &b);
        for (i = 0; i < shape->columns; i++, a += shape->step_1, b += shape->step_2) {
            *output++ = op->minimum == (first[a] < second[b]) ? first[a] : second[b];
        }
    }
}

#endif
