/* FULLY_CONNECTED, int8, for cores without SIMD, with weights of which only blocks of four that are not zero are there. */
#ifndef EP_FULLY_CONNECTED_BLOCKS_LANES_H
#define EP_FULLY_CONNECTED_BLOCKS_LANES_H

#include "ep_fixed_point.h"
#include "ep_gemm_blocks_row_lanes.h"
#include "ep_one_sided.h"

struct ep_fully_connected_blocks_lanes {
    int32_t batches, in_size, out_size;
    int32_t out_zero, out_min, out_max;
    const int32_t *stream;     /* see ep_gemm_blocks_row_lanes.h; rows padded with zeros to four */
    const int32_t *bias;       /* [out_size], input zero point folded in, or that of ep_one_sided.h */
    const int32_t *multiplier; /* [out_size] */
    const int8_t *shift;       /* [out_size]; EP_ONE_SIDED: one-sided requantisation */
};

EP_KERNEL void ep_fully_connected_blocks_lanes(const struct ep_fully_connected_blocks_lanes *op, const int8_t *input, int8_t *output,
                                               void *scratch)
{
    int8_t *const padded = (int8_t *)scratch; /* a row, where it is no whole number of fours */
    int32_t batch, o;
    for (batch = 0; batch < op->batches; batch++, input += op->in_size) {
        const int32_t *stream = op->stream;
        const int8_t *x = input;
        if ((op->in_size & 3) != 0) {
            memcpy(padded, input, (size_t)op->in_size);
            memset(padded + op->in_size, 0, 3);
            x = padded;
        }
        for (o = 0; o < op->out_size; o++) {
            const int32_t sum = ep_gemm_blocks_row_lanes(x, stream), shift = op->shift[o];
            stream += 1 + ((uint32_t)stream[0] >> 18);
            if (shift == EP_ONE_SIDED) {
                const struct ep_one_sided to = ep_one_sided_begin(op->bias[o], op->multiplier[o]);
                *output++ = ep_one_sided(&to, sum);
            } else if (shift > EP_STEEP) {
                *output++ = ep_steep(sum, op->bias[o], op->multiplier[o], shift);
            } else {
                const int32_t y = op->out_zero + ep_requantize(sum + op->bias[o], op->multiplier[o], shift);
                *output++ = (int8_t)ep_clamp(y, op->out_min, op->out_max);
            }
        }
    }
}

#endif
