/* REDUCE_PROD, int8, over any axes: after each factor, the product is brought to a scale that the last one turns into the output's. */
#ifndef EP_REDUCE_PROD_H
#define EP_REDUCE_PROD_H

#include "ep_fixed_point_64.h"
#include "ep_reduce.h"

struct ep_reduce_prod {
    struct ep_reduce shape;
    int32_t outputs;
    int32_t zero, out_zero;
    int32_t multiplier, shift; /* of 16 bits */
};

EP_KERNEL void ep_reduce_prod(const struct ep_reduce_prod *op, const int8_t *input, int8_t *output)
{
    int32_t i, a, b, c;
    for (i = 0; i < op->outputs; i++) {
        const int8_t *const start = input + ep_reduce_start(&op->shape, i);
        int32_t product = 0, any = 0;
        for (a = 0; a < op->shape.reduced[0]; a++) {
            for (b = 0; b < op->shape.reduced[1]; b++) {
                const int8_t *x = start + a * op->shape.reduced_stride[0] + b * op->shape.reduced_stride[1];
                for (c = 0; c < op->shape.reduced[2]; c++, x += op->shape.reduced_stride[2]) {
                    const int32_t factor = *x - op->zero;
                    product = any ? ep_requantize_64((int64_t)product * factor, op->multiplier, op->shift) : factor;
                    any = 1;
                }
            }
        }
        output[i] = (int8_t)ep_clamp(op->out_zero + ep_requantize_64(product, op->multiplier, op->shift), -128, 127);
    }
}

#endif
