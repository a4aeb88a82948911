/* FULLY_CONNECTED, int8, for the DSP extension, where several layers have the same weights: ep_gemm_sums.h, then the layer's own
 * biases and multipliers. */
#ifndef EP_FULLY_CONNECTED_SHARED_H
#define EP_FULLY_CONNECTED_SHARED_H

#include "ep_gemm_sums.h"
#include "ep_requantize_any.h"

struct ep_fully_connected_shared {
    int32_t batches, in_size, out_size;
    int32_t depth; /* in_size rounded up to 4 */
    int32_t out_zero, out_min, out_max;
    int32_t per_channel;       /* 1: a multiplier and shift for each output, 0: one for all */
    const int32_t *weights;    /* [out_size rounded up to 4 / 4][depth / 2][2], see ep_gemm_sums.h */
    const int32_t *bias;       /* [out_size], input zero point folded in */
    const int32_t *multiplier; /* [out_size or 1] */
    const int8_t *right;       /* [out_size or 1], right shift, or negative: left shift */
    int32_t any;               /* bit (output / 4 mod 32): some right shift of four outputs is not 1 to 22 */
};

EP_KERNEL void ep_fully_connected_shared(const struct ep_fully_connected_shared *op, const int8_t *input, int8_t *output, void *scratch)
{
    int32_t *const x = (int32_t *)scratch, *const sums = x + op->depth / 2;
    int32_t batch, i, o;
    for (batch = 0; batch < op->batches; batch++, input += op->in_size, output += op->out_size) {
        const int32_t *weights = op->weights;
        for (i = 0; i < op->in_size; i += 4) {
            uint32_t word = 0;
            memcpy(&word, input + i, (size_t)ep_min(op->in_size - i, 4));
            x[i / 2] = (int32_t)ep_sxtb16(word);
            x[i / 2 + 1] = (int32_t)ep_sxtb16_odd(word);
        }
        for (o = 0; o < op->out_size; o += 4, weights += op->depth) {
            const int32_t end = ep_min(op->out_size, o + 4);
            const int other = ((uint32_t)op->any >> (o / 4 & 31) & 1u) != 0;
            const int32_t *sum = sums;
            int32_t c;
            ep_gemm_sums_1x4(x, op->depth >> 1, sums, weights);
            sums[1] = (int32_t)((uint32_t)sums[1] - (uint32_t)sums[0]) >> 8;
            sums[3] = (int32_t)((uint32_t)sums[3] - (uint32_t)sums[2]) >> 8;
            for (c = o; c < end; c++) {
                const int32_t m = op->per_channel ? c : 0;
                const int32_t q = ep_requantize_any(*sum++ + op->bias[c], op->multiplier[m], op->right[m], op->out_zero, other);
                output[c] = (int8_t)ep_clamp(q, op->out_min, op->out_max);
            }
        }
    }
}

#endif
