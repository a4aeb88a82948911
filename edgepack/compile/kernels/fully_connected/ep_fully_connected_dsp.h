/* FULLY_CONNECTED, int8, for the DSP extension: two outputs at a time against one row of input.
 *
 * Rows of weights are padded with zeros to whole words; the last words of the input are read with the bytes that exist.
 * Where weights have a zero point, as those of a uint8 model, it is taken off at once: times the sum of the row of input. */
#ifndef EP_FULLY_CONNECTED_DSP_H
#define EP_FULLY_CONNECTED_DSP_H

#include "ep_requantize_any.h"

struct ep_fully_connected_dsp {
    int32_t batches, in_size, out_size;
    int32_t row; /* bytes of a row of weights: in_size rounded up to a multiple of 4 */
    int32_t out_zero, out_min, out_max;
    int32_t weight_zero;       /* of the stored bytes: weights are what they are above it */
    int32_t per_channel;       /* 1: a multiplier and shift for each output, 0: one for all */
    const int8_t *weights;     /* [out_size][row] */
    const int32_t *bias;       /* [out_size], input zero point folded in */
    const int32_t *multiplier; /* [out_size or 1] */
    const int8_t *right;       /* [out_size or 1], right shift, or negative: left shift */
    int32_t any;               /* bit (output / 4 mod 32): some right shift of four outputs is not 1 to 22 */
};

EP_INLINE void ep_fully_connected_dsp_pair(uint32_t x, const int8_t *w, int32_t row, int32_t *acc)
{
    const uint32_t first = ep_load4(w), second = ep_load4(w + row);
    const uint32_t even = ep_sxtb16(x), odd = ep_sxtb16_odd(x);
    acc[0] = ep_smlad(even, ep_sxtb16(first), ep_smlad(odd, ep_sxtb16_odd(first), acc[0]));
    acc[1] = ep_smlad(even, ep_sxtb16(second), ep_smlad(odd, ep_sxtb16_odd(second), acc[1]));
}

/* What the zero point of the weights adds to every sum. */
EP_INLINE int32_t ep_fully_connected_dsp_excess(const struct ep_fully_connected_dsp *op, const int8_t *input)
{
    int32_t sum = 0, i;
    for (i = 0; op->weight_zero != 0 && i < op->in_size; i++) {
        sum += input[i];
    }
    return ep_multiply_wrapped(sum, op->weight_zero);
}

EP_INLINE void ep_fully_connected_dsp_run(const struct ep_fully_connected_dsp *op, const int8_t *input, int8_t *output, int any)
{
    const int32_t whole = op->in_size / 4 * 4;
    uint32_t tail = 0;
    int32_t batch, o, i, lane;
    for (batch = 0; batch < op->batches; batch++, input += op->in_size, output += op->out_size) {
        const int32_t excess = ep_fully_connected_dsp_excess(op, input);
        memcpy(&tail, input + whole, (size_t)(op->in_size - whole));
        for (o = 0; o < op->out_size; o += 2) {
            const int32_t lanes = ep_min(op->out_size - o, 2);
            const int32_t second = lanes == 2 ? op->row : 0; /* an odd last output is computed twice */
            const int8_t *const w = op->weights + o * op->row;
            int32_t acc[2];
            acc[0] = ep_subtract_wrapped(op->bias[o], excess);
            acc[1] = ep_subtract_wrapped(op->bias[o + lanes - 1], excess);
            for (i = 0; i < whole; i += 4) {
                ep_fully_connected_dsp_pair(ep_load4(input + i), w + i, second, acc);
            }
            if (whole < op->in_size) {
                ep_fully_connected_dsp_pair(tail, w + whole, second, acc);
            }
            const int other = any && ((uint32_t)op->any >> (o / 4 & 31) & 1u) != 0;
            for (lane = 0; lane < lanes; lane++) {
                const int32_t c = op->per_channel ? o + lane : 0;
                const int32_t q = ep_requantize_any(acc[lane], op->multiplier[c], op->right[c], op->out_zero, other);
                output[o + lane] = (int8_t)ep_clamp(q, op->out_min, op->out_max);
            }
        }
    }
}

EP_KERNEL void ep_fully_connected_dsp(const struct ep_fully_connected_dsp *op, const int8_t *input, int8_t *output)
{
    if (op->any != 0) {
        ep_fully_connected_dsp_run(op, input, output, 1);
    } else {
        ep_fully_connected_dsp_run(op, input, output, 0);
    }
}

#endif
