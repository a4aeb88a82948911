/* QUANTIZE of float to int8: x / scale rounded to nearest, halves away from zero, saturated. */
#ifndef EP_QUANTIZE_H
#define EP_QUANTIZE_H

#include "ep_common.h"

struct ep_quantize {
    int32_t size;
    float scale;
    int32_t zero;
};

EP_KERNEL void ep_quantize(const struct ep_quantize *op, const float *input, int8_t *output)
{
    int32_t i;
    for (i = 0; i < op->size; i++) {
        const float x = input[i] / op->scale;
        int32_t q = x >= 1000.0f ? 1000 : x <= -1000.0f ? -1000 : (int32_t)x;
        const float rest = x - (float)q;
        if (x > -1000.0f && x < 1000.0f) {
            q += rest >= 0.5f ? 1 : rest <= -0.5f ? -1 : 0;
        }
        output[i] = (int8_t)ep_clamp(q + op->zero, -128, 127);
    }
}

#endif
