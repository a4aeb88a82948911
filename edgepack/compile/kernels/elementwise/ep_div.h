/* DIV, int8, with broadcasting: the first times the reciprocal of the second, requantised. */
#ifndef EP_DIV_H
#define EP_DIV_H

#include "ep_exp.h"
#include "ep_rows.h"

struct ep_div {
    int32_t zero_1, zero_2;
    int32_t out_zero, out_multiplier, out_shift, out_min, out_max;
    struct ep_rows shape;
};

/* x / 2^exponent. Quotients far below a step of the output are shifted by 32 bits or more; the reference's x86 build, which is the
 * definition of correct, takes the shift modulo 32 and rounds up what is not negative. */
EP_INLINE int32_t ep_div_scale(int32_t x, int32_t exponent)
{
    return exponent < 32 ? ep_divide_by_power(x, exponent) : (x >> (exponent - 32)) + 1 + (x >> 31);
}

EP_INLINE int8_t ep_div_one(const struct ep_div *op, int32_t a, int32_t b)
{
    const int32_t x = b < 0 ? -a : a, y = b < 0 ? -b : b;
    const int32_t zeros = ep_leading_zeros((uint32_t)y); /* y * 2^zeros is in [2^31, 2^32) */
    const int32_t headroom = ep_leading_zeros((uint32_t)(x < 0 ? ~x : x)) - 1;
    const int32_t fraction = (int32_t)((zeros < 32 ? (uint32_t)y << zeros : 0u) - 0x80000000u);
    const int32_t quotient = ep_high_mul(ep_shift_left(x, headroom), ep_reciprocal_one_plus(fraction));
    const int32_t right = 31 - zeros + headroom - op->out_shift;
    const int32_t scaled = ep_high_mul(quotient, op->out_multiplier);
    return (int8_t)ep_clamp(op->out_zero + ep_div_scale(scaled, right), op->out_min, op->out_max);
}

EP_KERNEL void ep_div(const struct ep_div *op, const int8_t *first, const int8_t *second, int8_t *output)
{
    const struct ep_rows *const shape = &op->shape;
    int32_t row, i, a, b;
    for (row = 0; row < shape->rows; row++) {
        ep_broadcast_offsets(&shape->outer, row, &a, &b);
        for (i = 0; i < shape->columns; i++, a += shape->step_1, b += shape->step_2) {
            *output++ = ep_div_one(op, first[a] - op->zero_1, second[b] - op->zero_2);
        }
    }
}

#endif
