/* Compare ep_fixed_point.h and ep_dsp.h with gemmlowp's definitions, written out again from their documentation: a product
 * nudged by half and divided towards zero, then a shift whose remainder is compared with a threshold. Prints the number of
 * differences over random and boundary arguments. */
#include <stdio.h>

#include "ep_dsp.h"

static int32_t reference_high_mul(int32_t a, int32_t b)
{
    const int64_t product = (int64_t)a * b;
    const int64_t nudge = product >= 0 ? ((int64_t)1 << 30) : 1 - ((int64_t)1 << 30);
    if (a == b && a == INT32_MIN) {
        return INT32_MAX;
    }
    return (int32_t)((product + nudge) / ((int64_t)1 << 31));
}

static int32_t reference_divide(int32_t x, int32_t exponent)
{
    const int64_t half = exponent > 0 ? (int64_t)1 << (exponent - 1) : 0;
    const int64_t magnitude = ((x < 0 ? -(int64_t)x : (int64_t)x) + half) >> exponent;
    return (int32_t)(x < 0 ? -magnitude : magnitude);
}

static uint64_t state = 88172645463325252u;

static uint32_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

int main(void)
{
    static const int32_t edges[] = {INT32_MIN, INT32_MIN + 1, -(1 << 30), -1, 0, 1, 1 << 30, INT32_MAX - 1, INT32_MAX};
    const int32_t count = (int32_t)(sizeof edges / sizeof edges[0]);
    long wrong = 0;
    int32_t i, j;
    for (i = 0; i < count; i++) {
        for (j = 0; j < count; j++) {
            wrong += ep_high_mul(edges[i], edges[j]) != reference_high_mul(edges[i], edges[j]);
        }
        for (j = 0; j < 32; j++) {
            wrong += ep_divide_by_power(edges[i], j) != reference_divide(edges[i], j);
        }
    }
    for (i = 0; i < 2000000; i++) {
        const int32_t bits = (int32_t)(next() % 31u);
        const int32_t x = (int32_t)next() >> bits;
        const int32_t multiplier = (int32_t)((next() >> 2) | 0x40000000u) & (int32_t)(0xFFFFFFFFu << (next() % 31u));
        const int32_t shift = (int32_t)(next() % 31u) - 22, right = shift < 0 ? -shift : 0;
        const int32_t zero = (int32_t)(next() % 256u) - 128;
        const int32_t expected = reference_divide(reference_high_mul(ep_shift_left(x, shift > 0 ? shift : 0), multiplier), right);
        wrong += ep_requantize(x, multiplier, shift) != expected;
        if (right > 0 && x < (1 << 30) && x > -(1 << 30)) {
            wrong += ep_requantize_short(x, multiplier, right, 2 * zero + 1) != expected + zero;
        }
    }
    printf("%ld\n", wrong);
    return wrong != 0;
}
