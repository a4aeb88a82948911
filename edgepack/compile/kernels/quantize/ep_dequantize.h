/* DEQUANTIZE of int8 to float: scale * (x - zero). */
#ifndef EP_DEQUANTIZE_H
#define EP_DEQUANTIZE_H

#include "ep_common.h"

struct ep_dequantize {
    int32_t size;
    float scale;
    int32_t zero;
};

EP_KERNEL void ep_dequantize(const struct ep_dequantize *op, const int8_t *input, float *output)
{
    int32_t i;
    for (i = 0; i < op->size; i++) {
        output[i] = op->scale * (float)(input[i] - op->zero);
    }
}

#endif
