/* TANH, int16 in and Q0.15 out: 2 sigmoid(2 x) - 1, by linear interpolation in a table of sigmoid(i / 24). */
#ifndef EP_TANH_INT16_H
#define EP_TANH_INT16_H

#include "ep_common.h"

struct ep_tanh_int16 {
    int32_t size;
    int32_t multiplier, shift; /* of the input, to steps of 1 / (48 * 256) */
    const uint16_t *table;     /* [256], Q0.16 */
};

EP_KERNEL void ep_tanh_int16(const struct ep_tanh_int16 *op, const int16_t *input, int16_t *output)
{
    const int32_t half = op->shift > 0 ? (int32_t)1 << (op->shift - 1) : 0;
    const int32_t one = (int32_t)1 << 23;
    int32_t i;
    for (i = 0; i < op->size; i++) {
        const int32_t x = (input[i] * op->multiplier + half) >> op->shift;
        const int32_t size = x < 0 ? -x : x;
        const int32_t step = size >> 8;
        int32_t y = 0xFFFF << 8;
        if (step < 255) {
            const int32_t below = op->table[step], above = op->table[step + 1];
            y = below * 256 + (size & 255) * (above - below); /* sigmoid in Q0.24 */
        }
        y = x >= 0 ? y - one + 128 : one - y + 127;
        output[i] = (int16_t)(y >> 8);
    }
}

#endif
