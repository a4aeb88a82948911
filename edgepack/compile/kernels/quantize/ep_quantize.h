/* QUANTIZE of float to int8: x / scale rounded to nearest, halves away from zero, saturated; NaN becomes the zero point. */
#ifndef EP_QUANTIZE_H
#define EP_QUANTIZE_H

#include "ep_round.h"

struct ep_quantize {
    int32_t size;
    float scale;
    int32_t zero;
};

EP_KERNEL void ep_quantize(const struct ep_quantize *op, const float *input, int8_t *output)
{
    int32_t i;
    for (i = 0; i < op->size; i++) {
        const int32_t q = ep_round(input[i] / op->scale, 1000);
        output[i] = (int8_t)ep_clamp(q + op->zero, -128, 127);
    }
}

#endif
