/* Logistic and tanh of int16 in fixed point, step for step as gemmlowp's fixedpoint.h with 16-bit numbers (held in int32_t). */
#ifndef EP_EXP_INT16_H
#define EP_EXP_INT16_H

#include "ep_fixed_point.h"

/* a * b / 2^15 rounded to nearest (ties up), saturated. */
EP_INLINE int32_t ep_high_mul_16(int32_t a, int32_t b)
{
    return ep_min((a * b + (1 << 14)) >> 15, 32767);
}

/* x * 2^exponent, saturated. */
EP_INLINE int32_t ep_shift_left_saturated_16(int32_t x, int32_t exponent)
{
    const int32_t limit = (1 << (15 - exponent)) - 1;
    return x > limit ? 32767 : x < -limit ? -32768 : x * (1 << exponent);
}

/* exp(a) for a in [-1/4, 0), both Q0.15: a Taylor polynomial around -1/8. */
EP_INLINE int32_t ep_exp_quarter_16(int32_t a)
{
    const int32_t exp_minus_eighth = 28918;
    const int32_t third = 10923;
    const int32_t x = a + (1 << 12);
    const int32_t x2 = ep_high_mul_16(x, x);
    const int32_t x3 = ep_high_mul_16(x2, x);
    const int32_t x4 = ep_high_mul_16(x2, x2);
    const int32_t cubic = ep_high_mul_16(ep_divide_by_power(x4, 2) + x3, third) + x2;
    return ep_min(exp_minus_eighth + ep_high_mul_16(exp_minus_eighth, x + ep_divide_by_power(cubic, 1)), 32767);
}

/* exp(a) in Q0.15 for a <= 0 with 1 to 7 integer bits. */
EP_INLINE int32_t ep_exp_negative_16(int32_t a, int32_t integer_bits)
{
    static const int32_t factors[7] = {25520, 19875, 12055, 4435, 600, 11, 0};
    const int32_t fraction_bits = 15 - integer_bits;
    const int32_t quarter = 1 << (fraction_bits - 2);
    const int32_t part = (a & (quarter - 1)) - quarter;
    const int32_t remainder = part - a;
    int32_t result = ep_exp_quarter_16(ep_shift_left_saturated_16(part, integer_bits));
    int32_t exponent;
    if (a == 0) {
        return 32767;
    }
    if (integer_bits > 5 && a < -(1 << (20 - integer_bits))) {
        return 0;
    }
    for (exponent = -2; exponent < integer_bits && exponent < 5; exponent++) {
        if ((remainder & (1 << (fraction_bits + exponent))) != 0) {
            result = ep_high_mul_16(result, factors[exponent + 2]);
        }
    }
    return result;
}

/* 2 / (1 + a) in Q2.13 for a in [0, 1) in Q0.15: three Newton-Raphson steps on half the denominator. */
EP_INLINE int32_t ep_two_over_one_plus_16(int32_t a)
{
    const int32_t half_denominator = (a + 32768) >> 1;
    int32_t x = 23130 + ep_high_mul_16(half_denominator, -15420);
    int step;
    for (step = 0; step < 3; step++) {
        const int32_t error = (1 << 13) - ep_high_mul_16(half_denominator, x);
        x += ep_shift_left_saturated_16(ep_high_mul_16(x, error), 2);
    }
    return x;
}

/* 1 / (1 + exp(-a)) in Q0.15 of a in Q3.12. */
EP_INLINE int32_t ep_logistic_16(int32_t a)
{
    const int32_t size = a < 0 ? -a : a;
    const int32_t positive = ep_shift_left_saturated_16(ep_two_over_one_plus_16(ep_exp_negative_16(-size, 3)), 1);
    return a == 0 ? 1 << 14 : a > 0 ? positive : 32767 - positive;
}

/* tanh(a) in Q0.15 of a with 0 to 6 integer bits: (1 - x) / (1 + x) of x = exp(-2 |a|). */
EP_INLINE int32_t ep_tanh_16(int32_t a, int32_t integer_bits)
{
    const int32_t size = a < 0 ? -a : a;
    const int32_t x = ep_two_over_one_plus_16(ep_exp_negative_16(-size, integer_bits + 1));
    const int32_t positive = ep_shift_left_saturated_16(x - (1 << 13), 2);
    return a == 0 ? 0 : a > 0 ? positive : -positive;
}

#endif
