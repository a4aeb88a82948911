/* Palette: indices of 1 to 5 bits into few values, see edgepack/coding/palette.py. A table gives the values of several indices at once. */
#ifndef EP_PALETTE_H
#define EP_PALETTE_H

#include "ep_take.h"

/* So many indices an entry of the table has the values of. */
EP_INLINE uint32_t ep_palette_wide(uint32_t bits) { return bits == 5 ? 1u : bits >= 3 ? 2u : 4u; }

/* The values of the lowest four indices of five bits. */
EP_INLINE uint32_t ep_palette_four(const uint32_t *table, uint32_t indices)
{
    return table[indices & 31u] | table[indices >> 5 & 31u] << 8 | table[indices >> 10 & 31u] << 16 | table[indices >> 15 & 31u] << 24;
}

/* `left` holds the bits of one index. */
EP_NOINLINE void ep_palette_next(struct ep_decoder *decoder, int8_t *out, int32_t count)
{
    const uint32_t *const table = ep_decoder_table(decoder), bits = decoder->left;
    const int32_t bytes = (count >> 3) * (int32_t)bits;
    const uint8_t *at = decoder->at;
    int8_t *const last = out + count;
    if (decoder->end - at < bytes) { /* damaged */
        memset(out, 0, (size_t)count);
        return;
    }
    decoder->at = at + bytes;
    EP_NO_UNROLL
    for (; out < last; out += 8, at += bits) {
        uint32_t a, b;
        if (bits == 4) {
            a = table[at[0]] | table[at[1]] << 16;
            b = table[at[2]] | table[at[3]] << 16;
        } else if (bits == 2) {
            a = table[at[0]];
            b = table[at[1]];
        } else if (bits == 1) {
            a = table[at[0] & 15u];
            b = table[at[0] >> 4];
        } else if (bits == 3) {
            const uint32_t word = at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16;
            a = table[word & 63u] | table[word >> 6 & 63u] << 16;
            b = table[word >> 12 & 63u] | table[word >> 18] << 16;
        } else {
            const uint32_t word = at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16;
            a = ep_palette_four(table, word);
            b = ep_palette_four(table, word >> 20 | (uint32_t)at[3] << 4 | (uint32_t)at[4] << 12);
        }
        memcpy(out, &a, 4);
        memcpy(out + 4, &b, 4);
    }
}

EP_SMALL void ep_palette(const struct ep_code *op, const int8_t *input, int8_t *output, void *scratch)
{
    struct ep_decoder *const decoder = ep_decoder_begin(op, scratch, ep_palette_next);
    const uint32_t bits = (ep_take(decoder) - 1) % 5 + 1;
    uint32_t *const table = ep_decoder_table(decoder);
    uint32_t entry, wide = 1, indexed = bits;
    (void)input;
    (void)output;
    decoder->left = bits;
    for (entry = 0; entry < 1u << bits; entry++) {
        table[entry] = ep_take(decoder);
    }
    for (; wide < ep_palette_wide(bits); wide *= 2, indexed *= 2) { /* from single values to two, and to four */
        for (entry = 1u << 2 * indexed; entry-- > 0;) {
            table[entry] = table[entry & ((1u << indexed) - 1)] | table[entry >> indexed] << 8 * wide;
        }
    }
}

#endif
