/* REDUCE_MAX and REDUCE_MIN, int8, over any axes: the largest (sign 1) or smallest (sign -1) element. */
#ifndef EP_REDUCE_MAX_H
#define EP_REDUCE_MAX_H

#include "ep_reduce.h"

struct ep_reduce_max {
    struct ep_reduce shape;
    int32_t outputs;
    int32_t sign;
};

EP_KERNEL void ep_reduce_max(const struct ep_reduce_max *op, const int8_t *input, int8_t *output)
{
    int32_t i, a, b, c;
    for (i = 0; i < op->outputs; i++) {
        const int8_t *const first = input + ep_reduce_start(&op->shape, i);
        int32_t best = op->sign * *first;
        for (a = 0; a < op->shape.reduced[0]; a++) {
            for (b = 0; b < op->shape.reduced[1]; b++) {
                const int8_t *x = first + a * op->shape.reduced_stride[0] + b * op->shape.reduced_stride[1];
                for (c = 0; c < op->shape.reduced[2]; c++, x += op->shape.reduced_stride[2]) {
                    best = ep_max(best, op->sign * *x);
                }
            }
        }
        output[i] = (int8_t)(op->sign * best);
    }
}

#endif
