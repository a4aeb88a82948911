/* QUANTIZE of float to int16: x / scale rounded to nearest, halves away from zero, saturated; NaN becomes the zero point. */
#ifndef EP_QUANTIZE_FLOAT_TO_INT16_H
#define EP_QUANTIZE_FLOAT_TO_INT16_H

#include "ep_round.h"

struct ep_quantize_float_to_int16 {
    int32_t size;
    float scale;
    int32_t zero;
};

EP_KERNEL void ep_quantize_float_to_int16(const struct ep_quantize_float_to_int16 *op, const float *input, int16_t *output)
{
    int32_t i;
    for (i = 0; i < op->size; i++) {
        const int32_t q = ep_round(input[i] / op->scale, 70000);
        output[i] = (int16_t)ep_clamp(q + op->zero, INT16_MIN, INT16_MAX);
    }
}

#endif
