/* MUL, int8, of two tensors of one shape. */
#ifndef EP_MUL_H
#define EP_MUL_H

#include "ep_fixed_point.h"

struct ep_mul {
    int32_t size;
    int32_t zero_1, zero_2;
    int32_t out_zero, out_multiplier, out_shift, out_min, out_max;
};

EP_INLINE int8_t ep_mul_one(const struct ep_mul *op, int32_t a, int32_t b)
{
    const int32_t product = (a - op->zero_1) * (b - op->zero_2);
    const int32_t q = op->out_zero + ep_requantize(product, op->out_multiplier, op->out_shift);
    return (int8_t)ep_clamp(q, op->out_min, op->out_max);
}

EP_KERNEL void ep_mul(const struct ep_mul *op, const int8_t *a, const int8_t *b, int8_t *output)
{
    int32_t i;
    for (i = 0; i < op->size; i++) {
        output[i] = ep_mul_one(op, a[i], b[i]);
    }
}

#endif
