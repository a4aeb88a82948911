/* ADD and SUB, int16, with or without broadcasting: both operands scaled to a common 2^-15 grid, added, requantised. */
#ifndef EP_ADD_INT16_H
#define EP_ADD_INT16_H

#include "ep_broadcast.h"
#include "ep_fixed_point.h"

struct ep_add_int16 {
    int32_t size;
    int32_t same_shape; /* 1: operands are read element by element, 0: as `shape` says */
    int32_t sign;       /* 1: ADD, -1: SUB */
    int32_t multiplier_1, shift_1, multiplier_2, shift_2;
    int32_t out_multiplier, out_shift, out_min, out_max;
    struct ep_broadcast shape;
};

EP_KERNEL void ep_add_int16(const struct ep_add_int16 *op, const int16_t *a, const int16_t *b, int16_t *output)
{
    const int32_t grid = (int32_t)1 << 15;
    int32_t i;
    for (i = 0; i < op->size; i++) {
        int32_t offset_a = i, offset_b = i, scaled_a, scaled_b, sum;
        if (!op->same_shape) {
            ep_broadcast_offsets(&op->shape, i, &offset_a, &offset_b);
        }
        scaled_a = ep_requantize(a[offset_a] * grid, op->multiplier_1, op->shift_1);
        scaled_b = ep_requantize(b[offset_b] * grid, op->multiplier_2, op->shift_2);
        sum = ep_requantize(scaled_a + op->sign * scaled_b, op->out_multiplier, op->out_shift);
        output[i] = (int16_t)ep_clamp(sum, op->out_min, op->out_max);
    }
}

#endif
