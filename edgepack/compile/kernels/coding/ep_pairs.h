/* Weights as the stream of ep_gemm.h has them. */
#ifndef EP_PAIRS_H
#define EP_PAIRS_H

#include "ep_decoder.h"
#include "ep_dsp.h"

/* The next `count` values of a decoder, four of each of four channels, A to D, one after the other, as words of two pairs each; returns
 * what follows them. */
EP_NOINLINE uint32_t *ep_pairs(struct ep_decoder *decoder, uint32_t *words, int32_t count)
{
    uint32_t *const end = words + count / 4;
    decoder->next(decoder, (int8_t *)words, count);
    EP_NO_UNROLL
    for (; words < end; words += 4) {
        const uint32_t a = words[0], b = words[1], c = words[2], d = words[3], upper = 0xFF00FF00u;
        words[0] = ep_add_halves(ep_sxtb16(a), b << 8 & upper);
        words[1] = ep_add_halves(ep_sxtb16(c), d << 8 & upper);
        words[2] = ep_add_halves(ep_sxtb16_odd(a), b & upper);
        words[3] = ep_add_halves(ep_sxtb16_odd(c), d & upper);
    }
    return end;
}

#endif
