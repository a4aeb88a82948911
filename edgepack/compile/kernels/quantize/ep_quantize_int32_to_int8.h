/* QUANTIZE, int32 to int8: rescaled from one scale and zero point to another. */
#ifndef EP_QUANTIZE_INT32_TO_INT8_H
#define EP_QUANTIZE_INT32_TO_INT8_H

#include "ep_fixed_point.h"

struct ep_quantize_int32_to_int8 {
    int32_t size;
    int32_t zero, out_zero;
    int32_t multiplier, shift;
};

EP_KERNEL void ep_quantize_int32_to_int8(const struct ep_quantize_int32_to_int8 *op, const int32_t *input, int8_t *output)
{
    int32_t i;
    for (i = 0; i < op->size; i++) {
        const int32_t scaled = ep_requantize(ep_subtract_wrapped(input[i], op->zero), op->multiplier, op->shift);
        output[i] = (int8_t)ep_clamp(ep_add_wrapped(scaled, op->out_zero), -128, 127);
    }
}

#endif
