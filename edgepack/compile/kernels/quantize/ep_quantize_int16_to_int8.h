/* QUANTIZE, int16 to int8: rescaled from one scale and zero point to another. */
#ifndef EP_QUANTIZE_INT16_TO_INT8_H
#define EP_QUANTIZE_INT16_TO_INT8_H

#include "ep_fixed_point.h"

struct ep_quantize_int16_to_int8 {
    int32_t size;
    int32_t zero, out_zero;
    int32_t multiplier, shift;
};

EP_KERNEL void ep_quantize_int16_to_int8(const struct ep_quantize_int16_to_int8 *op, const int16_t *input, int8_t *output)
{
    int32_t i;
    for (i = 0; i < op->size; i++) {
        const int32_t q = op->out_zero + ep_requantize(input[i] - op->zero, op->multiplier, op->shift);
        output[i] = (int8_t)ep_clamp(q, INT8_MIN, INT8_MAX);
    }
}

#endif
