/* FULLY_CONNECTED, int8, for the DSP extension, with weights of which only blocks of four that are not zero are there: each row of
 * the input is widened to int16 and multiplied by ep_gemm_blocks_row.h. */
#ifndef EP_FULLY_CONNECTED_BLOCKS_H
#define EP_FULLY_CONNECTED_BLOCKS_H

#include "ep_gemm_blocks_row.h"

struct ep_fully_connected_blocks {
    int32_t batches, in_size, out_size;
    int32_t words;         /* of the stream */
    const int32_t *stream; /* see ep_gemm_blocks_row.h; rows padded with zeros to four */
};

EP_KERNEL void ep_fully_connected_blocks(const struct ep_fully_connected_blocks *op, const int8_t *input, int8_t *output, void *scratch)
{
    int32_t *const x = (int32_t *)scratch;
    int32_t batch, i;
    for (batch = 0; batch < op->batches; batch++, input += op->in_size, output += op->out_size) {
        for (i = 0; i < op->in_size; i += 4) {
            uint32_t word = 0;
            if (i + 4 <= op->in_size) {
                word = ep_load4(input + i);
            } else {
                memcpy(&word, input + i, (size_t)(op->in_size - i));
            }
            x[i / 2] = (int32_t)ep_sxtb16(word);
            x[i / 2 + 1] = (int32_t)ep_sxtb16_odd(word);
        }
        ep_gemm_blocks_row(x, op->stream, op->stream + op->words, output);
    }
}

#endif
