/* QUANTIZE, int16 to int32: rescaled from one scale and zero point to another. */
#ifndef EP_QUANTIZE_INT16_TO_INT32_H
#define EP_QUANTIZE_INT16_TO_INT32_H

#include "ep_fixed_point.h"

struct ep_quantize_int16_to_int32 {
    int32_t size;
    int32_t zero, out_zero;
    int32_t multiplier, shift;
};

EP_KERNEL void ep_quantize_int16_to_int32(const struct ep_quantize_int16_to_int32 *op, const int16_t *input, int32_t *output)
{
    int32_t i;
    for (i = 0; i < op->size; i++) {
        output[i] = ep_add_wrapped(op->out_zero, ep_requantize(input[i] - op->zero, op->multiplier, op->shift));
    }
}

#endif
