/* FULLY_CONNECTED, int8, computed from the codes of its weights: what the kernels for the DSP extension and the portable one share.
 *
 * Codes of 1 to 5 bits lie in words. Inputs are widened to int16, less `offset`, which keeps biases small; for the DSP extension in pairs
 * (k, k + 2) and (k + 1, k + 3).
 *   Grid: a weight is least + step * code. Each half of a word holds 16 / bits codes: of the halves of as many pairs of inputs, or in
 *   the portable kernel of two outputs. sum(weight * x) is least * sum(x) + step * sum(code * x), modulo 2^32 as the accumulator
 *   itself: no sum can be too large.
 *   Palette: a weight is one of few values. A pair's two codes lie side by side, 16 / bits pairs in a word. */
#ifndef EP_FULLY_CONNECTED_CODES_H
#define EP_FULLY_CONNECTED_CODES_H

#include "ep_dsp.h"

struct ep_fully_connected_codes {
    int32_t batches, in_size, out_size;
    int32_t bits, together;    /* of a code; 16 / bits */
    int32_t width;             /* pairs of inputs, or in the portable kernel inputs, with those beyond in_size that the last word goes with */
    int32_t row;               /* words of four outputs, or in the portable kernel of two */
    int32_t offset;            /* taken off every input */
    int32_t least, step;       /* of a grid */
    const int8_t *values;      /* of a palette: [1 << bits] */
    const int32_t *codes;      /* [4 outputs][word][output], or [2 outputs][word]; inputs and outputs padded with codes of 0 */
    const int32_t *bias;       /* [out_size], offset folded in; NULL where they are short */
    const int16_t *short_bias; /* the same in 16 bits */
    int32_t out_zero, out_min, out_max;
    int32_t per_channel;       /* 1: a multiplier and shift for each output, 0: one for all */
    const int32_t *multiplier; /* [out_size or 1] */
    const int8_t *right;       /* [out_size or 1], right shift, or negative: left shift */
    int32_t any;               /* bit (output / 4 mod 32): some right shift of four outputs is not 1 to 22 */
};

EP_INLINE int32_t ep_codes_bias(const struct ep_fully_connected_codes *op, int32_t o)
{
    return op->bias != NULL ? op->bias[o] : op->short_bias[o];
}

#endif
