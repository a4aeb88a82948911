/* LEAKY_RELU, int16: rescale, by one factor from 0 up and by another below. Zero points are 0. */
#ifndef EP_LEAKY_RELU_INT16_H
#define EP_LEAKY_RELU_INT16_H

#include "ep_fixed_point.h"

struct ep_leaky_relu_int16 {
    int32_t size;
    int32_t multiplier, shift;             /* from 0 up */
    int32_t alpha_multiplier, alpha_shift; /* below 0 */
};

EP_KERNEL void ep_leaky_relu_int16(const struct ep_leaky_relu_int16 *op, const int16_t *input, int16_t *output)
{
    int32_t i;
    for (i = 0; i < op->size; i++) {
        const int32_t x = input[i];
        const int32_t q = x >= 0 ? ep_requantize(x, op->multiplier, op->shift)
                                 : ep_requantize(x, op->alpha_multiplier, op->alpha_shift);
        output[i] = (int16_t)ep_clamp(q, INT16_MIN, INT16_MAX);
    }
}

#endif
