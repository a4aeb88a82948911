/* QUANTIZE, int32 to int16: rescaled from one scale and zero point to another. */
#ifndef EP_QUANTIZE_INT32_TO_INT16_H
#define EP_QUANTIZE_INT32_TO_INT16_H

#include "ep_fixed_point.h"

struct ep_quantize_int32_to_int16 {
    int32_t size;
    int32_t zero, out_zero;
    int32_t multiplier, shift;
};

EP_KERNEL void ep_quantize_int32_to_int16(const struct ep_quantize_int32_to_int16 *op, const int32_t *input, int16_t *output)
{
    int32_t i;
    for (i = 0; i < op->size; i++) {
        const int32_t scaled = ep_requantize(ep_subtract_wrapped(input[i], op->zero), op->multiplier, op->shift);
        output[i] = (int16_t)ep_clamp(ep_add_wrapped(scaled, op->out_zero), INT16_MIN, INT16_MAX);
    }
}

#endif
