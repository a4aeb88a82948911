/* EQUAL, NOT_EQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, int8, with broadcasting: both operands as multiples of 2^-23. */
#ifndef EP_COMPARE_H
#define EP_COMPARE_H

#include "ep_fixed_point.h"
#include "ep_rows.h"

struct ep_compare {
    int32_t accept; /* what is true: 1 if the first is less, plus 2 if they are equal, plus 4 if it is greater */
    int32_t zero_1, multiplier_1, shift_1;
    int32_t zero_2, multiplier_2, shift_2;
    struct ep_rows shape;
};

EP_KERNEL void ep_compare(const struct ep_compare *op, const int8_t *first, const int8_t *second, uint8_t *output)
{
    const struct ep_rows *const shape = &op->shape;
    int32_t row, i, a, b;
    for (row = 0; row < shape->rows; row++) {
        ep_broadcast_offsets(&shape->outer, row, &a, &b);
        for (i = 0; i < shape->columns; i++, a += shape->step_1, b += shape->step_2) {
            const int32_t x = ep_requantize((first[a] - op->zero_1) * 256, op->multiplier_1, op->shift_1);
            const int32_t y = ep_requantize((second[b] - op->zero_2) * 256, op->multiplier_2, op->shift_2);
            *output++ = (uint8_t)((op->accept >> (x > y ? 2 : x == y ? 1 : 0)) & 1);
        }
    }
}

#endif
