/* PRELU, int8: elements below zero times a slope, all requantised. */
#ifndef EP_PRELU_H
#define EP_PRELU_H

#include "ep_fixed_point.h"
#include "ep_rows.h"

struct ep_prelu {
    int32_t zero, slope_zero, out_zero;
    int32_t multiplier_1, shift_1; /* of elements from zero up */
    int32_t multiplier_2, shift_2; /* of elements below zero times their slopes */
    struct ep_rows shape;
};

EP_INLINE int8_t ep_prelu_one(const struct ep_prelu *op, int32_t x, int32_t slope)
{
    const int32_t value = x - op->zero;
    const int32_t q = value >= 0 ? ep_requantize(value, op->multiplier_1, op->shift_1)
                                 : ep_requantize(value * (slope - op->slope_zero), op->multiplier_2, op->shift_2);
    return (int8_t)ep_clamp(op->out_zero + q, -128, 127);
}

EP_KERNEL void ep_prelu(const struct ep_prelu *op, const int8_t *input, const int8_t *slopes, int8_t *output)
{
    const struct ep_rows *const shape = &op->shape;
    int32_t row, i, a, b;
    for (row = 0; row < shape->rows; row++) {
        ep_broadcast_offsets(&shape->outer, row, &a, &b);
        for (i = 0; i < shape->columns; i++, a += shape->step_1, b += shape->step_2) {
            *output++ = ep_prelu_one(op, input[a], slopes[b]);
        }
    }
}

#endif
