/* MEAN, int16, over any axes: the sum is requantised with a multiplier that holds the division by the count. */
#ifndef EP_MEAN_INT16_H
#define EP_MEAN_INT16_H

#include "ep_fixed_point.h"
#include "ep_reduce.h"

struct ep_mean_int16 {
    struct ep_reduce shape;
    int32_t outputs;
    int32_t zero_sum; /* input zero point times the number of elements of a sum */
    int32_t out_zero, multiplier, shift;
};

EP_KERNEL void ep_mean_int16(const struct ep_mean_int16 *op, const int16_t *input, int16_t *output)
{
    int32_t i, a, b, c;
    for (i = 0; i < op->outputs; i++) {
        const int16_t *const first = input + ep_reduce_start(&op->shape, i);
        int32_t sum = ep_subtract_wrapped(0, op->zero_sum);
        for (a = 0; a < op->shape.reduced[0]; a++) {
            for (b = 0; b < op->shape.reduced[1]; b++) {
                const int16_t *x = first + a * op->shape.reduced_stride[0] + b * op->shape.reduced_stride[1];
                for (c = 0; c < op->shape.reduced[2]; c++, x += op->shape.reduced_stride[2]) {
                    sum = ep_add_wrapped(sum, *x);
                }
            }
        }
        output[i] = (int16_t)ep_clamp(op->out_zero + ep_requantize(sum, op->multiplier, op->shift), INT16_MIN, INT16_MAX);
    }
}

#endif
