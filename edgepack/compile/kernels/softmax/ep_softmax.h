/* SOFTMAX over the last axis of int8, as TFLite's reference kernel: exponentials in Q5.26, their sum in Q12.19. */
#ifndef EP_SOFTMAX_H
#define EP_SOFTMAX_H

#include "ep_softmax_exp.h"

struct ep_softmax {
    struct ep_softmax_form form;
};

EP_KERNEL void ep_softmax(const struct ep_softmax *softmax, const int8_t *input, int8_t *output)
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
            int32_t y = -128;
            if (diff >= op->diff_min) {
                y += ep_softmax_scale(ep_high_mul(scale, ep_softmax_exp(op, diff)), exponent - 8);
            }
            output[c] = (int8_t)ep_clamp(y, -128, 127);
        }
    }
}

#endif
