/* DEQUANTIZE of int16 to float: scale * (stored - zero point). */
#ifndef EP_DEQUANTIZE_INT16_H
#define EP_DEQUANTIZE_INT16_H

#include "ep_common.h"

struct ep_dequantize_int16 {
    int32_t size;
    float scale;
    int32_t zero;
};

EP_KERNEL void ep_dequantize_int16(const struct ep_dequantize_int16 *op, const int16_t *input, float *output)
{
    int32_t i;
    for (i = 0; i < op->size; i++) {
        output[i] = (float)(input[i] - op->zero) * op->scale;
    }
}

#endif
