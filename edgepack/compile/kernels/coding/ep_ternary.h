/* Ternary: five of at most three values in a byte, see edgepack/coding/ternary.py. */
#ifndef EP_TERNARY_H
#define EP_TERNARY_H

#include "ep_decoder.h"

/* `state` is the byte's digits still to come, `left` how many; the three values are in the table. */
EP_NOINLINE void ep_ternary_next(struct ep_decoder *decoder, int8_t *out, int32_t count)
{
    const int8_t *const values = (const int8_t *)ep_decoder_table(decoder);
    uint32_t digits = decoder->state, left = decoder->left;
    for (; count > 0; count--, left--) {
        if (left == 0) {
            digits = ep_decoder_byte(decoder);
            left = 5;
        }
        digits *= 3;
        *out++ = values[digits >> 8];
        digits &= 255u;
    }
    decoder->state = digits;
    decoder->left = left;
}

EP_NOINLINE void ep_ternary(const struct ep_code *op, const int8_t *input, int8_t *output, void *scratch)
{
    struct ep_decoder *const decoder = ep_decoder_begin(op, scratch, ep_ternary_next);
    (void)input;
    (void)output;
    *ep_decoder_table(decoder) = ep_decoder_byte(decoder) | ep_decoder_byte(decoder) << 8;
    *ep_decoder_table(decoder) |= ep_decoder_byte(decoder) << 16;
}

#endif
