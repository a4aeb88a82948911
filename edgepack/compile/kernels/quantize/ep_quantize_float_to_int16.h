/* QUANTIZE of float to int16: x / scale rounded to nearest, halves away from zero, saturated. */
#ifndef EP_QUANTIZE_FLOAT_TO_INT16_H
#define EP_QUANTIZE_FLOAT_TO_INT16_H

#include "ep_common.h"

struct ep_quantize_float_to_int16 {
    int32_t size;
    float scale;
    int32_t zero;
};

EP_KERNEL void ep_quantize_float_to_int16(const struct ep_quantize_float_to_int16 *op, const float *input, int16_t *output)
{
    int32_t i;
    for (i = 0; i < op->size; i++) {
        const float x = input[i] / op->scale;
        int32_t q = x >= 70000.0f ? 70000 : x <= -70000.0f ? -70000 : (int32_t)x;
        const float rest = x - (float)q;
        if (x > -70000.0f && x < 70000.0f) {
            q += rest >= 0.5f ? 1 : rest <= -0.5f ? -1 : 0;
        }
        output[i] = (int16_t)ep_clamp(q + op->zero, INT16_MIN, INT16_MAX);
    }
}

#endif
