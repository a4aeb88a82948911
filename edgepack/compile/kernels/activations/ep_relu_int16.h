/* RELU, int16: rescaled from one scale to another and clamped. Zero points are 0. */
#ifndef EP_RELU_INT16_H
#define EP_RELU_INT16_H

#include "ep_fixed_point.h"

struct ep_relu_int16 {
    int32_t size;
    int32_t multiplier, shift;
    int32_t out_min, out_max;
};

EP_KERNEL void ep_relu_int16(const struct ep_relu_int16 *op, const int16_t *input, int16_t *output)
{
    int32_t i;
    for (i = 0; i < op->size; i++) {
        output[i] = (int16_t)ep_clamp(ep_requantize(input[i], op->multiplier, op->shift), op->out_min, op->out_max);
    }
}

#endif
