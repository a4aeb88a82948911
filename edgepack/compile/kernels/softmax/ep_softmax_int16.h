/* SOFTMAX over the last axis of int16, Q0.15 out: exp(x) and 1 / (1 + x) by interpolation in tables of 512 steps. */
#ifndef EP_SOFTMAX_INT16_H
#define EP_SOFTMAX_INT16_H

#include "ep_exp.h"

struct ep_softmax_int16 {
    int32_t rows;              /* softmaxes to compute */
    int32_t depth;             /* values in each */
    int32_t multiplier, shift; /* of differences from the maximum, to steps of 10 / 65535 */
    const int16_t *exponential; /* [513], of -10 to 0, Q0.15 */
    const int16_t *reciprocal;  /* [513], of 1 + (0 to 1), Q0.15 */
};

EP_INLINE int32_t ep_softmax_int16_look_up(const int16_t *table, int32_t x)
{
    const int32_t index = 256 + (x >> 7);
    const int32_t base = table[index];
    const int32_t slope = (int16_t)(table[index + 1] - table[index]);
    return base + ((slope * (x & 127) + 64) >> 7);
}

EP_KERNEL void ep_softmax_int16(const struct ep_softmax_int16 *op, const int16_t *input, int16_t *output)
{
    int32_t row, c;
    for (row = 0; row < op->rows; row++, input += op->depth, output += op->depth) {
        int32_t sum = 0, maximum = INT16_MIN, zeros, shifted, scale, right;
        for (c = 0; c < op->depth; c++) {
            maximum = ep_max(maximum, input[c]);
        }
        for (c = 0; c < op->depth; c++) {
            const int32_t x = 32767 + ep_requantize(input[c] - maximum, op->multiplier, op->shift);
            output[c] = (int16_t)ep_softmax_int16_look_up(op->exponential, ep_clamp(x, -32768, 32767));
            sum += output[c];
        }
        zeros = ep_leading_zeros((uint32_t)sum);
        shifted = (int32_t)((((int64_t)sum << (zeros - 1)) + (1 << 13)) >> 14) - 98304; /* 1 to 2 becomes -32768 to 32767 */
        scale = ep_softmax_int16_look_up(op->reciprocal, ep_clamp(shifted, -32768, 32767));
        right = 31 - zeros;
        for (c = 0; c < op->depth; c++) {
            const int64_t y = ((int64_t)output[c] * scale + ((int64_t)1 << (right - 1))) >> right;
            output[c] = (int16_t)ep_clamp((int32_t)y, 0, 32767);
        }
    }
}

#endif
