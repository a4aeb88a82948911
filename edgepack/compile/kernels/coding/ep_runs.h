/* Runs: how many zeros, then a value, see edgepack/coding/runs.py. */
#ifndef EP_RUNS_H
#define EP_RUNS_H

#include "ep_decoder.h"

/* `state` are the zeros still to come, `left` is 1 if a value follows them. */
EP_NOINLINE void ep_runs_next(struct ep_decoder *decoder, int8_t *out, int32_t count)
{
    uint32_t place = decoder->state, value = decoder->left;
    const uint32_t end = (uint32_t)count;
    memset(out, 0, (size_t)count);
    while (place < end && (value != 0 || decoder->at < decoder->end)) {
        if (value != 0) {
            out[place++] = (int8_t)ep_decoder_byte(decoder);
            value = 0;
        } else {
            const uint32_t zeros = ep_decoder_byte(decoder);
            place += zeros;
            value = zeros != 255u;
        }
    }
    decoder->state = place < end ? 0 : place - end;
    decoder->left = value;
}

EP_SMALL void ep_runs(const struct ep_code *op, const int8_t *input, int8_t *output, void *scratch)
{
    (void)input;
    (void)output;
    ep_decoder_begin(op, scratch, ep_runs_next);
}

#endif
