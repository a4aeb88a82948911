/* Bring filters back as ep_gemm_sparse.h reads them: of each the weights that are not zero, then its bias and multiplier, coded as well. */
#ifndef EP_UNPACK_SPARSE_H
#define EP_UNPACK_SPARSE_H

#include "ep_framed_channel.h"
#include "ep_gemm_sparse.h"

#define EP_SPARSE_LEAST 4 /* words of a filter */

struct ep_unpack_sparse {
    int32_t bytes;    /* of biases and multipliers behind the weights' code, for the first portion; then 0 */
    int32_t count;    /* of a filter's values */
    int32_t filters;
    int32_t words;    /* that they take */
    int32_t rows;     /* of a filter's values: for each row of the kernel, for each phase, */
    int32_t phases;
    int32_t channels; /* for each channel, which has a line of words, */
    int32_t line;
    int32_t kernel_w; /* every so many taps of the row as there are phases, */
    int32_t step;     /* so many words apart */
};

/* Weights of zero, so that the next one is no more than 255 words from the last; returns what follows them. */
EP_SMALL uint8_t *ep_sparse_far(uint8_t *out, const uint8_t *end, int32_t way)
{
    EP_NO_UNROLL
    for (; way > 255 && out < end; way -= 255) {
        *out++ = 255;
        *out++ = 0;
    }
    return out;
}

/* The distances and values of those that are not zero, up to `end`; returns what follows them. */
EP_SMALL uint8_t *ep_sparse_weights(const struct ep_unpack_sparse *op, const int8_t *values, uint8_t *out, const uint8_t *end)
{
    int32_t rows, phase, first = 0, at = 0;
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
                        int32_t way = place - at;
                        at = place;
                        if (way > 255) {
                            out = ep_sparse_far(out, end, way);
                            way = (way - 1) % 255 + 1;
                        }
                        if (out < end) {
                            *out++ = (uint8_t)way;
                            *out++ = (uint8_t)word;
                        }
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
    struct ep_decoder *const decoder = (struct ep_decoder *)scratch;
    struct ep_frame *const frame = &decoder->frame;
    uint32_t *words = (uint32_t *)(void *)output, *const last = words + op->words;
    int8_t *const values = (int8_t *)last;
    int32_t filters;
    (void)input;
    if (op->bytes > 0) {
        ep_frame_begin(frame, decoder->end, op->bytes);
    }
    for (filters = op->filters; filters > 0; filters--) {
        /* Where the code is damaged, too: each filter has its least, and the last takes what is left. */
        uint8_t *const begin = (uint8_t *)(words + 1);
        uint8_t *const end = (uint8_t *)(last - EP_SPARSE_LEAST * (filters - 1) - 2);
        uint8_t *out, *least = filters == 1 ? end : begin + 4;
        int32_t count;
        decoder->next(decoder, values, op->count);
        out = ep_sparse_weights(op, values, begin, end);
        while (out < least || ((out - begin) & 3) != 0) {
            *out++ = 0;
        }
        count = (int32_t)(out - begin);
        words[0] = (uint32_t)(-(count >> 1) & (EP_SPARSE_ROUND - 1)) * EP_SPARSE_CODE + 1u + ((uint32_t)count << 16);
        words = (uint32_t *)(void *)out;
        ep_framed_channel(frame, 0, words, words + 1);
        words += 2;
    }
}

#endif
