/* SOFTMAX over the last axis of int8, as TFLite's reference kernel: exponentials in Q5.26, their sum in Q12.19. */
#ifndef EP_SOFTMAX_H
#define EP_SOFTMAX_H

#include "ep_exp.h"

struct ep_softmax {
    int32_t rows;       /* softmaxes to compute */
    int32_t depth;      /* values in each */
    int32_t multiplier; /* input scale * beta in Q5.26 */
    int32_t left_shift;
    int32_t diff_min; /* differences from the maximum below this count as zero probability */
};

EP_INLINE int32_t ep_softmax_exp(const struct ep_softmax *op, int32_t diff)
{
    return ep_exp_negative(ep_high_mul(ep_shift_left(diff, op->left_shift), op->multiplier), 5);
}

/* x / 2^exponent. When the exponentials sum to more than 512, the reference shifts by 32 bits or more; its x86 build, which is
 * the definition of correct, takes the shift modulo 32 and rounds up. */
EP_INLINE int32_t ep_softmax_scale(int32_t x, int32_t exponent)
{
    return exponent < 32 ? ep_divide_by_power(x, exponent) : (x >> (exponent - 32)) + 1;
}

EP_KERNEL void ep_softmax(const struct ep_softmax *op, const int8_t *input, int8_t *output)
{
    int32_t row, c;
    for (row = 0; row < op->rows; row++, input += op->depth, output += op->depth) {
        uint32_t sum = 0;
        int32_t maximum = -128, zeros, scale, exponent;
        for (c = 0; c < op->depth; c++) {
            maximum = ep_max(maximum, input[c]);
        }
        for (c = 0; c < op->depth; c++) {
            const int32_t diff = input[c] - maximum;
            if (diff >= op->diff_min) {
                sum += (uint32_t)ep_divide_by_power(ep_softmax_exp(op, diff), 12);
            }
        }
        zeros = ep_leading_zeros(sum);
        scale = ep_reciprocal_one_plus((int32_t)((sum << zeros) - 0x80000000u));
        exponent = 12 - zeros + 31 - 8;
        for (c = 0; c < op->depth; c++) {
            const int32_t diff = input[c] - maximum;
            int32_t y = -128;
            if (diff >= op->diff_min) {
                y += ep_softmax_scale(ep_high_mul(scale, ep_softmax_exp(op, diff)), exponent);
            }
            output[c] = (int8_t)ep_clamp(y, -128, 127);
        }
    }
}

#endif
