/* exp(x) for x <= 0 and 1 / (1 + x) in fixed point, step for step as gemmlowp's fixedpoint.h. */
#ifndef EP_EXP_H
#define EP_EXP_H

#include "ep_fixed_point.h"

/* exp(a) for a in [-1/4, 0), both Q0.31: a Taylor polynomial around -1/8. */
EP_INLINE int32_t ep_exp_quarter(int32_t a)
{
    const int32_t exp_minus_eighth = 1895147668;
    const int32_t third = 715827883;
    const int32_t x = a + ((int32_t)1 << 28);
    const int32_t x2 = ep_high_mul(x, x);
    const int32_t x3 = ep_high_mul(x2, x);
    const int32_t x4 = ep_high_mul(x2, x2);
    const int32_t cubic = ep_high_mul(ep_divide_by_power(x4, 2) + x3, third) + x2;
    const int32_t tail = ep_divide_by_power(cubic, 1);
    return exp_minus_eighth + ep_high_mul(exp_minus_eighth, x + tail);
}

/* exp(a) in Q0.31 for a <= 0 in Q<integer_bits>.<31 - integer_bits>, integer_bits <= 5. */
EP_INLINE int32_t ep_exp_negative(int32_t a, int32_t integer_bits)
{
    static const int32_t factors[7] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
    const int32_t fraction_bits = 31 - integer_bits;
    const int32_t quarter = (int32_t)1 << (fraction_bits - 2);
    const int32_t part = (a & (quarter - 1)) - quarter;
    const int32_t remainder = part - a;
    int32_t result = ep_exp_quarter(integer_bits > 0 ? ep_shift_left_saturated(part, integer_bits) : part);
    int32_t exponent;
    if (a == 0) {
        return INT32_MAX;
    }
    for (exponent = -2; exponent < integer_bits; exponent++) {
        if ((remainder & ((int32_t)1 << (fraction_bits + exponent))) != 0) {
            result = ep_high_mul(result, factors[exponent + 2]);
        }
    }
    return result;
}

/* 1 / (1 + a) in Q0.31 for a in [0, 1) in Q0.31: three Newton-Raphson steps on half the denominator. */
EP_INLINE int32_t ep_reciprocal_one_plus(int32_t a)
{
    const int32_t half_denominator = (int32_t)(((int64_t)a + INT32_MAX + 1) / 2);
    int32_t x = 1515870810 + ep_high_mul(half_denominator, -1010580540);
    int step;
    for (step = 0; step < 3; step++) {
        const int32_t error = ((int32_t)1 << 29) - ep_high_mul(half_denominator, x);
        x += ep_shift_left_saturated(ep_high_mul(x, error), 2);
    }
    return ep_shift_left_saturated(x, 1);
}

/* Leading zero bits of x; 32 for 0. */
EP_INLINE int32_t ep_leading_zeros(uint32_t x)
{
    int32_t count = 0;
    if (x == 0u) {
        return 32;
    }
    while ((x & 0x80000000u) == 0u) {
        x <<= 1;
        count++;
    }
    return count;
}

#endif
