/* SQUARED_DIFFERENCE, int8, with broadcasting: both operands scaled to a common 2^-7 grid, subtracted, squared, requantised. */
#ifndef EP_SQUARED_DIFFERENCE_H
#define EP_SQUARED_DIFFERENCE_H

#include "ep_fixed_point.h"
#include "ep_rows.h"

struct ep_squared_difference {
    int32_t zero_1, multiplier_1, shift_1;
    int32_t zero_2, multiplier_2, shift_2;
    int32_t out_zero, out_multiplier, out_shift;
    struct ep_rows shape;
};

EP_INLINE int8_t ep_squared_difference_one(const struct ep_squared_difference *op, int32_t a, int32_t b)
{
    const int32_t scaled_a = ep_requantize((a - op->zero_1) * 128, op->multiplier_1, op->shift_1);
    const int32_t scaled_b = ep_requantize((b - op->zero_2) * 128, op->multiplier_2, op->shift_2);
    const int32_t difference = scaled_a - scaled_b;
    const int32_t q = op->out_zero + ep_requantize(difference * difference, op->out_multiplier, op->out_shift);
    return (int8_t)ep_clamp(q, -128, 127);
}

EP_KERNEL void ep_squared_difference(const struct ep_squared_difference *op, const int8_t *first, const int8_t *second,
                                     int8_t *output)
{
    const struct ep_rows *const shape = &op->shape;
    int32_t row, i, a, b;
    for (row = 0; row < shape->rows; row++) {
        ep_broadcast_offsets(&shape->outer, row, &a, &b);
        for (i = 0; i < shape->columns; i++, a += shape->step_1, b += shape->step_2) {
            *output++ = ep_squared_difference_one(op, first[a], second[b]);
        }
    }
}

#endif
