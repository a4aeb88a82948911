/* SOFTMAX over the last axis of int8 to int16: the same exponentials, 16 bits of the result kept. */
#ifndef EP_SOFTMAX_INT8_TO_INT16_H
#define EP_SOFTMAX_INT8_TO_INT16_H

#include "ep_softmax_exp.h"

struct ep_softmax_int8_to_int16 {
    struct ep_softmax_form form;
};

EP_KERNEL void ep_softmax_int8_to_int16(const struct ep_softmax_int8_to_int16 *softmax, const int8_t *input, int16_t *output)
{
    const struct ep_softmax_form *const op = &softmax->form;
    int32_t row, c;
    for (row = 0; row < op->rows; row++, input += op->depth, output += op->depth) {
        int32_t maximum = -128, scale, exponent;
        for (c = 0; c < op->depth; c++) {
            maximum = ep_max(maximum, input[c]);
        }
        scale = ep_softmax_sum(op, input, maximum, &exponent);
        for (c = 0; c < op->depth; c++) {
            const int32_t diff = input[c] - maximum;
            int32_t y = -32768;
            if (diff >= op->diff_min) {
                y += ep_softmax_scale(ep_high_mul(scale, ep_softmax_exp(op, diff)), exponent - 16);
            }
            output[c] = (int16_t)ep_clamp(y, -32768, 32767);
        }
    }
}

#endif
