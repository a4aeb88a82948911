/* Blocks: a bit for each four values in a row says whether all are zero, see edgepack/coding/blocks.py. */
#ifndef EP_BLOCKS_H
#define EP_BLOCKS_H

#include "ep_decoder.h"

/* `state` holds the bits of the blocks still to come, `left` how many. */
EP_NOINLINE void ep_blocks_next(struct ep_decoder *decoder, int8_t *out, int32_t count)
{
    uint32_t mask = decoder->state, left = decoder->left;
    EP_NO_UNROLL
    for (; count > 0; count -= 4, out += 4, mask >>= 1, left--) {
        uint32_t block = 0;
        if (left == 0) {
            mask = ep_decoder_byte(decoder);
            left = 8;
        }
        if ((mask & 1u) != 0 && decoder->end - decoder->at >= 4) {
            memcpy(&block, decoder->at, 4);
            decoder->at += 4;
        }
        memcpy(out, &block, 4);
    }
    decoder->state = mask;
    decoder->left = left;
}

EP_SMALL void ep_blocks(const struct ep_code *op, const int8_t *input, int8_t *output, void *scratch)
{
    (void)input;
    (void)output;
    ep_decoder_begin(op, scratch, ep_blocks_next);
}

#endif
