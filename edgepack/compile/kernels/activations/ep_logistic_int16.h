/* LOGISTIC (sigmoid), int16 in and Q0.15 out: linear interpolation in a table of sigmoid(i / 24). */
#ifndef EP_LOGISTIC_INT16_H
#define EP_LOGISTIC_INT16_H

#include "ep_common.h"

struct ep_logistic_int16 {
    int32_t size;
    int32_t multiplier, shift; /* of the input, to steps of 1 / (24 * 512) */
    const uint16_t *table;     /* [256], Q0.16 */
};

EP_KERNEL void ep_logistic_int16(const struct ep_logistic_int16 *op, const int16_t *input, int16_t *output)
{
    const int32_t half = op->shift > 0 ? (int32_t)1 << (op->shift - 1) : 0;
    int32_t i;
    for (i = 0; i < op->size; i++) {
        const int32_t x = (input[i] * op->multiplier + half) >> op->shift;
        const uint32_t size = (uint32_t)(x < 0 ? -x : x);
        const uint32_t step = size >> 9;
        uint32_t y = (uint32_t)0x7FFF << 10;
        if (step < 255u) {
            const uint32_t below = op->table[step], above = op->table[step + 1u];
            y = (below << 9) + (size & 511u) * (above - below); /* Q0.25 */
        }
        y = x >= 0 ? y + 512u : ((uint32_t)1 << 25) - y + 511u;
        output[i] = (int16_t)(y >> 10);
    }
}

#endif
