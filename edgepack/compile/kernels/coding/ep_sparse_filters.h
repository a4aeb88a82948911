/* Filters as ep_gemm_sparse.h reads them: of each the weights that are not zero, then its bias and multiplier, coded as well. */
#ifndef EP_SPARSE_FILTERS_H
#define EP_SPARSE_FILTERS_H

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

/* A weight so many words from the last; returns what follows it. */
EP_INLINE uint8_t *ep_sparse_put(uint8_t *out, const uint8_t *end, int32_t way, uint32_t weight)
{
    if (way > 255) {
        out = ep_sparse_far(out, end, way);
        way = (way - 1) % 255 + 1;
    }
    if (out < end) {
        *out++ = (uint8_t)way;
        *out++ = (uint8_t)weight;
    }
    return out;
}

/* A filter's distances and weights, up to `end`; returns what follows them. There is room for all its values. */
typedef uint8_t *ep_sparse_source(const struct ep_unpack_sparse *op, struct ep_decoder *decoder, int8_t *values, uint8_t *out,
                                  const uint8_t *end);

EP_SMALL void ep_sparse_filters(const struct ep_unpack_sparse *op, ep_sparse_source *source, int8_t *output, struct ep_decoder *decoder)
{
    struct ep_frame *const frame = &decoder->frame;
    uint32_t *words = (uint32_t *)(void *)output, *const last = words + op->words;
    int32_t filters;
    if (op->bytes > 0) {
        ep_frame_begin(frame, EP_DECODER_BEHIND(decoder), op->bytes);
    }
    for (filters = op->filters; filters > 0; filters--) {
        /* Where the code is damaged, too: each filter has its least, and the last takes what is left. */
        uint8_t *const begin = (uint8_t *)(words + 1);
        uint8_t *const end = (uint8_t *)(last - EP_SPARSE_LEAST * (filters - 1) - 2);
        uint8_t *out = source(op, decoder, (int8_t *)last, begin, end), *const least = filters == 1 ? end : begin + 4;
        int32_t count;
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
