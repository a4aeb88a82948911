/* FULLY_CONNECTED, int8, from codes on a grid (ep_fully_connected_codes.h): two outputs at a time, in the halves of a word. */
#ifndef EP_FULLY_CONNECTED_GRID_H
#define EP_FULLY_CONNECTED_GRID_H

#include "ep_fully_connected_codes.h"

/* The sums of two outputs over all inputs. One multiplication makes the products of both, and over a word the sum of the lower half
 * stays below 2^15: at most 3 * 31 * 255. */
EP_INLINE void ep_grid_two_sums(const struct ep_fully_connected_codes *op, const int16_t *x, const int32_t *codes, int32_t *sums)
{
    const int32_t *const end = codes + op->row;
    const uint32_t bits = (uint32_t)op->bits, mask = ((1u << bits) - 1u) * 0x00010001u;
    sums[0] = 0;
    sums[1] = 0;
    while (codes < end) {
        const int16_t *const last = x + op->together;
        uint32_t word = (uint32_t)*codes++, both = 0;
        EP_NO_UNROLL
        do {
            const uint32_t value = (uint32_t)*x++;
            both += (word & mask) * value;
            word >>= bits;
        } while (x < last);
        sums[0] = ep_add_wrapped(sums[0], ep_low_half(both));
        sums[1] = ep_add_wrapped(sums[1], (int32_t)(both - (uint32_t)ep_low_half(both)) >> 16);
    }
}

EP_KERNEL void ep_fully_connected_grid(const struct ep_fully_connected_codes *op, const int8_t *input, int8_t *output, void *scratch)
{
    int16_t *const x = (int16_t *)scratch;
    int32_t batch, o, i, sums[2];
    for (batch = 0; batch < op->batches; batch++, input += op->in_size) {
        const int32_t *codes = op->codes;
        int32_t same = 0;
        for (i = 0; i < op->in_size; i++) {
            x[i] = (int16_t)(input[i] - op->offset);
            same += x[i];
        }
        memset(x + i, 0, (size_t)(2 * (op->width - i)));
        same = ep_multiply_wrapped(op->least, same);
        for (o = 0; o < op->out_size; o++) {
            const int32_t c = op->per_channel ? o : 0;
            if ((o & 1) == 0) {
                ep_grid_two_sums(op, x, codes, sums);
                codes += op->row;
            }
            const int32_t sum = ep_add_wrapped(ep_multiply_wrapped(op->step, sums[o & 1]), same);
            const int32_t acc = ep_add_wrapped(sum, ep_codes_bias(op, o));
            const int32_t y = op->out_zero + ep_requantize(acc, op->multiplier[c], -op->right[c]);
            *output++ = (int8_t)ep_clamp(y, op->out_min, op->out_max);
        }
    }
}

#endif
