/* MUL, int16, with or without broadcasting: the product, requantised. Zero points are 0. */
#ifndef EP_MUL_INT16_H
#define EP_MUL_INT16_H

#include "ep_broadcast.h"
#include "ep_fixed_point.h"

struct ep_mul_int16 {
    int32_t size;
    int32_t same_shape; /* 1: operands are read element by element, 0: as `shape` says */
    int32_t out_multiplier, out_shift, out_min, out_max;
    struct ep_broadcast shape;
};

EP_KERNEL void ep_mul_int16(const struct ep_mul_int16 *op, const int16_t *a, const int16_t *b, int16_t *output)
{
    int32_t i;
    for (i = 0; i < op->size; i++) {
        int32_t offset_a = i, offset_b = i, q;
        if (!op->same_shape) {
            ep_broadcast_offsets(&op->shape, i, &offset_a, &offset_b);
        }
        q = ep_requantize(a[offset_a] * b[offset_b], op->out_multiplier, op->out_shift);
        output[i] = (int16_t)ep_clamp(q, op->out_min, op->out_max);
    }
}

#endif
