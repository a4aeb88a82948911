/* Bring filters back as ep_gemm_sparse.h reads them, from gaps and weights: see ep_gaps.h. */
#ifndef EP_UNPACK_GAPS_H
#define EP_UNPACK_GAPS_H

#include "ep_gaps.h"
#include "ep_sparse_filters.h"

EP_NOINLINE uint8_t *ep_gaps_weights(const struct ep_unpack_sparse *op, struct ep_decoder *decoder, int8_t *values, uint8_t *out,
                                     const uint8_t *end)
{
    struct ep_gaps_state gaps;
    uint32_t left = (uint32_t)op->count, which;
    int32_t rows, phase, at = 0;
    (void)values;
    ep_gaps_resume(&gaps, decoder);
    which = gaps.way;
    for (rows = op->rows; rows > 0; rows--) {
        for (phase = 0; phase < op->phases; phase++) {
            const uint32_t taps = (uint32_t)((op->kernel_w - phase + op->phases - 1) / op->phases), size = (uint32_t)op->channels * taps;
            EP_NO_UNROLL
            while (which < size) {
                if (gaps.value != 0) {
                    const uint32_t channel = which / taps;
                    const int32_t place = (int32_t)channel * op->line + (int32_t)(which - channel * taps) * op->step;
                    out = ep_sparse_put(out, end, place - at, gaps.value);
                    at = place;
                }
                ep_gaps_fetch(&gaps);
                which += gaps.way + 1;
            }
            which -= size;
            left -= size;
            at -= op->channels * op->line;
        }
    }
    while (which < left) { /* weights that only fill the code */
        ep_gaps_fetch(&gaps);
        which += gaps.way + 1;
    }
    gaps.way = which - left;
    ep_gaps_leave(&gaps, decoder);
    return out;
}

EP_SMALL void ep_unpack_gaps(const struct ep_unpack_sparse *op, const int8_t *input, int8_t *output, void *scratch)
{
    (void)input;
    ep_sparse_filters(op, ep_gaps_weights, output, (struct ep_decoder *)scratch);
}

#endif
