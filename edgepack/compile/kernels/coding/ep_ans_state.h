/* What ANS decoders read besides their table: x, and words of the code that fill it up. */
#ifndef EP_ANS_STATE_H
#define EP_ANS_STATE_H

#include "ep_take.h"

/* Where x has become less than 2^16, two more bytes of the code. */
EP_INLINE uint32_t ep_ans_filled(uint32_t x, const uint8_t **at, const uint8_t *end)
{
    if (x < 0x10000u) {
        x <<= 16;
        if (*at < end) {
            x |= (uint32_t)(*at)[0] | (uint32_t)(*at)[1] << 8;
            *at += 2;
        }
    }
    return x;
}

/* The first x, in `state`. */
EP_SMALL void ep_ans_begin(struct ep_decoder *decoder)
{
    uint32_t k;
    for (k = 0; k < 4; k++) {
        decoder->state |= ep_take(decoder) << 8 * k;
    }
    EP_DECODER_FILL(decoder);
}

#endif
