/* Bring a portion of the stream of ep_gemm.h back, whose biases and multipliers lie as they are beside the weights' code. */
#ifndef EP_UNPACK_STREAM_H
#define EP_UNPACK_STREAM_H

#include "ep_pairs.h"

struct ep_unpack_stream {
    int32_t count; /* of a group's values */
    int32_t groups;
};

/* Groups: two biases, the pairs' words, and six words, or fifteen where the second but for its highest bit is nothing. */
EP_SMALL void ep_unpack_stream(const struct ep_unpack_stream *op, const int8_t *input, int8_t *output, void *scratch)
{
    struct ep_decoder *const decoder = (struct ep_decoder *)scratch;
    const int32_t *constants = decoder->constants;
    uint32_t *out = (uint32_t *)(void *)output;
    int32_t groups;
    (void)input;
    for (groups = op->groups; groups > 0; groups--) {
        int32_t rest = (constants[3] & 0x7FFFFFFF) != 0 ? 6 : 15;
        *out++ = (uint32_t)*constants++;
        *out++ = (uint32_t)*constants++;
        out = ep_pairs(decoder, out, op->count);
        EP_NO_UNROLL
        for (; rest > 0; rest--) {
            *out++ = (uint32_t)*constants++;
        }
    }
    decoder->constants = constants;
}

#endif
