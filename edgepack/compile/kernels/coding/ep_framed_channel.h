/* Biases and multipliers of a stream from their code, see edgepack/compile/coded/streams.py. */
#ifndef EP_FRAMED_CHANNEL_H
#define EP_FRAMED_CHANNEL_H

#include "ep_frame.h"

#define EP_FRAMED_HALF 13 /* bits of a fraction */

/* A channel, of whose one-sided bias the code leaves out what follows from its multiplier: (2^8 - 1 - 2^-right) * 2^41 / multiplier, where
 * right, TFLite's shift, is 2 more than the zeros above the multiplier. Not so with `whole`, or where bit 31 of the multiplier is set. */
EP_SMALL void ep_framed_channel(struct ep_frame *frame, uint32_t whole, uint32_t *bias, uint32_t *multiplier)
{
    uint32_t m, part = 1u << (EP_FRAMED_HALF - 2), above, quotient = 0, k;
    ep_frame_channel(frame, bias, multiplier);
    m = *multiplier;
    if (whole != 0 || m >> 31 != 0 || m <= 255u << EP_FRAMED_HALF) {
        return;
    }
    for (above = m; above < 1u << 31; above <<= 1) {
        part >>= 1;
    }
    above = (255u << EP_FRAMED_HALF) - part;
    EP_NO_UNROLL
    for (k = 41 - EP_FRAMED_HALF; k > 0; k--) {
        above <<= 1;
        quotient <<= 1;
        if (above >= m) {
            above -= m;
            quotient++;
        }
    }
    *bias -= quotient;
}

#endif
