/* Bring filters back as ep_gemm_sparse.h reads them, from any code of their weights: what is not zero is looked for. */
#ifndef EP_UNPACK_SPARSE_H
#define EP_UNPACK_SPARSE_H

#include "ep_sparse_filters.h"

/* The distances and values of those that are not zero, up to `end`; returns what follows them. */
EP_SMALL uint8_t *ep_sparse_weights(const struct ep_unpack_sparse *op, struct ep_decoder *decoder, int8_t *values, uint8_t *out,
                                    const uint8_t *end)
{
    int32_t rows, phase, first = 0, at = 0;
    decoder->next(decoder, values, op->count);
    for (rows = op->rows; rows > 0; rows--) {
        for (phase = 0; phase < op->phases; phase++, first += op->channels * op->line) {
            const int32_t taps = (op->kernel_w - phase + op->phases - 1) / op->phases, count = op->channels * taps;
            int32_t k;
            EP_NO_UNROLL
            for (k = 0; k < count; k += 4) {
                uint32_t word = ep_load4(values + k);
                int32_t which;
                if (word == 0) {
                    continue;
                }
                if (count - k < 4) {
                    word &= 0xFFFFFFFFu >> 8 * (4 - (count - k));
                }
                EP_NO_UNROLL
                for (which = k; word != 0; word >>= 8, which++) {
                    if ((word & 255u) != 0) {
                        const int32_t channel = which / taps, place = first + channel * op->line + (which - channel * taps) * op->step;
                        out = ep_sparse_put(out, end, place - at, word);
                        at = place;
                    }
                }
            }
            values += count;
        }
    }
    return out;
}

EP_SMALL void ep_unpack_sparse(const struct ep_unpack_sparse *op, const int8_t *input, int8_t *output, void *scratch)
{
    (void)input;
    ep_sparse_filters(op, ep_sparse_weights, output, (struct ep_decoder *)scratch);
}

#endif
