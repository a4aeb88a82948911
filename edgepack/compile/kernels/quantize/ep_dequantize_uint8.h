/* DEQUANTIZE of uint8 to float: scale * (x - zero). */
#ifndef EP_DEQUANTIZE_UINT8_H
#define EP_DEQUANTIZE_UINT8_H

#include "ep_common.h"

struct ep_dequantize_uint8 {
    int32_t size;
    float scale;
    int32_t zero;
};

EP_KERNEL void ep_dequantize_uint8(const struct ep_dequantize_uint8 *op, const uint8_t *input, float *output)
{
    int32_t i;
    for (i = 0; i < op->size; i++) {
        output[i] = op->scale * (float)(input[i] - op->zero);
    }
}

#endif
