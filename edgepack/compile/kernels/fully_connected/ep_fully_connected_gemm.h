/* FULLY_CONNECTED, int8, for the DSP extension: each row of the input is widened to int16 and multiplied by ep_gemm_1x4.h. */
#ifndef EP_FULLY_CONNECTED_GEMM_H
#define EP_FULLY_CONNECTED_GEMM_H

#include "ep_gemm_1x4.h"

struct ep_fully_connected_gemm {
    EP_SIZE batches, in_size, out_size;
    EP_SIZE depth;         /* in_size rounded up to 4 */
    int32_t whole;         /* words of the stream for whole groups of four outputs */
    EP_SIZE half;          /* 2 * output zero point + 1 */
    const int32_t *stream; /* see ep_gemm.h; rows padded with zeros to `depth`, outputs to 4 */
};

EP_KERNEL void ep_fully_connected_gemm(const struct ep_fully_connected_gemm *op, const int8_t *input, int8_t *output, void *scratch)
{
    const int32_t *const whole = op->stream + op->whole; /* where a last group of less than four outputs begins */
    int32_t *const x = (int32_t *)scratch;
    int8_t *const rest = (int8_t *)scratch + 2 * op->depth;
    int32_t batch, i;
    for (batch = 0; batch < op->batches; batch++, input += op->in_size, output += op->out_size) {
        for (i = 0; i + 4 <= op->in_size; i += 4) {
            const uint32_t word = ep_load4(input + i);
            x[i / 2] = (int32_t)ep_sxtb16(word);
            x[i / 2 + 1] = (int32_t)ep_sxtb16_odd(word);
        }
        if (i < op->in_size) {
            uint32_t word = 0;
            memcpy(&word, input + i, (size_t)(op->in_size - i));
            x[i / 2] = (int32_t)ep_sxtb16(word);
            x[i / 2 + 1] = (int32_t)ep_sxtb16_odd(word);
        }
        if (whole != op->stream) {
            ep_gemm_1x4(x, op->depth >> 1, output, op->stream, op->half);
        }
        if ((op->out_size & 3) != 0) {
            ep_gemm_1x4(x, op->depth >> 1, rest, whole, op->half);
            memcpy(output + (op->out_size & ~3), rest, (size_t)(op->out_size & 3));
        }
    }
}

#endif
