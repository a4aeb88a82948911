/* Biases and multipliers of a stream from their code, see edgepack/compile/coded/streams.py. */
#ifndef EP_FRAMED_CHANNEL_H
#define EP_FRAMED_CHANNEL_H

#include "ep_frame.h"

#define EP_FRAMED_HALF 13  /* bits of a fraction */
#define EP_FRAMED_DIGIT 14 /* bits of a quotient that one division finds; two such are 41 - EP_FRAMED_HALF */

/* A channel, of whose one-sided bias the code leaves out what follows from its multiplier: (2^8 - 1 - 2^-right) * 2^41 / multiplier, where
 * right, TFLite's shift, is 2 more than the zeros above the multiplier. Not so with `whole`, or where bit 31 of the multiplier is set. */
EP_SMALL void ep_framed_channel(struct ep_frame *frame, uint32_t whole, uint32_t *bias, uint32_t *multiplier)
{
    uint32_t m, zeros = 0, left, quotient = 0, k;
    ep_frame_channel(frame, bias, multiplier);
    m = *multiplier;
    if (whole != 0 || m >> 31 != 0 || m <= 255u << EP_FRAMED_HALF) {
        return;
    }
    for (; m < 1u << 30; m <<= 1) {
        zeros++;
    }
    left = ((255u << EP_FRAMED_HALF) - (1u << (EP_FRAMED_HALF - 2) >> (zeros + 1))) << zeros; /* less than m */
    EP_NO_UNROLL
    for (k = 0; k < 2; k++) {
        uint32_t digit = left / ((m >> EP_FRAMED_DIGIT) + 1); /* or one less than it is */
        left = (left << EP_FRAMED_DIGIT) - digit * m;
        if (left >= m) {
            left -= m;
            digit++;
        }
        quotient = quotient << EP_FRAMED_DIGIT | digit;
    }
    *bias -= quotient;
}

#endif
