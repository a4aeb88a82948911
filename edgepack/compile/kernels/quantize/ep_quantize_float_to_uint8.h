/* QUANTIZE of float to uint8: x / scale rounded to nearest, halves away from zero, saturated; NaN becomes the zero point. */
#ifndef EP_QUANTIZE_FLOAT_TO_UINT8_H
#define EP_QUANTIZE_FLOAT_TO_UINT8_H

#include "ep_round.h"

struct ep_quantize_float_to_uint8 {
    int32_t size;
    float scale;
    int32_t zero;
};

EP_KERNEL void ep_quantize_float_to_uint8(const struct ep_quantize_float_to_uint8 *op, const float *input, uint8_t *output)
{
    int32_t i;
    for (i = 0; i < op->size; i++) {
        const int32_t q = ep_round(input[i] / op->scale, 1000);
        output[i] = (uint8_t)ep_clamp(q + op->zero, 0, 255);
    }
}

#endif
