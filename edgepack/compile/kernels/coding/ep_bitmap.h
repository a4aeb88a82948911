/* Bitmap: a bit for each value says whether it is zero, see edgepack/coding/bitmap.py. */
#ifndef EP_BITMAP_H
#define EP_BITMAP_H

#include "ep_decoder.h"

EP_NOINLINE void ep_bitmap_next(struct ep_decoder *decoder, int8_t *out, int32_t count)
{
    memset(out, 0, (size_t)count);
    EP_NO_UNROLL
    for (; count > 0; count -= 8, out += 8) {
        uint32_t mask = ep_decoder_byte(decoder), place;
        EP_NO_UNROLL
        for (place = 0; mask != 0; mask >>= 1, place++) {
            if ((mask & 1u) != 0) {
                out[place] = (int8_t)ep_decoder_byte(decoder);
            }
        }
    }
}

EP_SMALL void ep_bitmap(const struct ep_code *op, const int8_t *input, int8_t *output, void *scratch)
{
    (void)input;
    (void)output;
    ep_decoder_begin(op, scratch, ep_bitmap_next);
}

#endif
