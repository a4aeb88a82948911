/* What the softmaxes of int8 share: the scaled differences from the maximum and their exponentials. */
#ifndef EP_SOFTMAX_EXP_H
#define EP_SOFTMAX_EXP_H

#include "ep_exp.h"

struct ep_softmax_form {
    int32_t rows;       /* softmaxes to compute */
    int32_t depth;      /* values in each */
    int32_t multiplier; /* input scale * beta in Q5.26 */
    int32_t left_shift;
    int32_t diff_min; /* differences from the maximum below this count as zero probability */
};

EP_INLINE int32_t ep_softmax_exp(const struct ep_softmax_form *op, int32_t diff)
{
    return ep_exp_negative(ep_high_mul(ep_shift_left(diff, op->left_shift), op->multiplier), 5);
}

/* x / 2^exponent. When the exponentials sum to more than 512, the reference shifts by 32 bits or more; its x86 build, which is
 * the definition of correct, takes the shift modulo 32 and rounds up. */
EP_INLINE int32_t ep_softmax_scale(int32_t x, int32_t exponent)
{
    return exponent < 32 ? ep_divide_by_power(x, exponent) : (x >> (exponent - 32)) + 1;
}

/* The exponentials of a row summed, as the reciprocal of the sum and log2 of its unit, less the bits of the output. */
EP_INLINE int32_t ep_softmax_sum(const struct ep_softmax_form *op, const int8_t *input, int32_t maximum, int32_t *exponent)
{
    uint32_t sum = 0;
    int32_t c, zeros;
    for (c = 0; c < op->depth; c++) {
        const int32_t diff = input[c] - maximum;
        if (diff >= op->diff_min) {
            sum += (uint32_t)ep_divide_by_power(ep_softmax_exp(op, diff), 12);
        }
    }
    zeros = ep_leading_zeros(sum);
    *exponent = 12 - zeros + 31;
    return ep_reciprocal_one_plus((int32_t)((sum << zeros) - 0x80000000u));
}

#endif
