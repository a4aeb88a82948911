/* Palette: indices of 1 to 5 bits into few values, see edgepack/coding/palette.py. A table gives the values of several indices at once. */
#ifndef EP_PALETTE_H
#define EP_PALETTE_H

#include "ep_decoder.h"

/* So many indices an entry of the table has the values of. */
EP_INLINE uint32_t ep_palette_wide(uint32_t bits) { return bits == 5 ? 1u : bits >= 3 ? 2u : 4u; }

/* `left` holds the bits of one index. */
EP_NOINLINE void ep_palette_next(struct ep_decoder *decoder, int8_t *out, int32_t count)
{
    const uint32_t *const table = ep_decoder_table(decoder), bits = decoder->left;
    if (bits == 4 && decoder->end - decoder->at >= count >> 1) {
        const uint8_t *at = decoder->at;
        for (; count > 0; count -= 8, out += 8, at += 4) {
            const uint32_t a = table[at[0]] | table[at[1]] << 16, b = table[at[2]] | table[at[3]] << 16;
            memcpy(out, &a, 4);
            memcpy(out + 4, &b, 4);
        }
        decoder->at = at;
        return;
    }
    if (bits == 2 && decoder->end - decoder->at >= count >> 2) {
        const uint8_t *at = decoder->at;
        for (; count > 0; count -= 8, out += 8, at += 2) {
            memcpy(out, &table[at[0]], 4);
            memcpy(out + 4, &table[at[1]], 4);
        }
        decoder->at = at;
        return;
    }
    for (; count > 0; count -= 8) { /* eight indices are `bits` bytes; four of them are handed out at a time */
        const uint32_t wide = ep_palette_wide(bits), mask = (1u << bits * wide) - 1;
        uint32_t word = 0, held = 0, half, k;
        for (half = 0; half < 2; half++) {
            for (; held < 4 * bits; held += 8) {
                word |= ep_decoder_byte(decoder) << held;
            }
            for (k = 0; k < 4; k += wide, word >>= bits * wide, out += wide) {
                memcpy(out, &table[word & mask], wide);
            }
            held -= 4 * bits;
        }
    }
}

EP_NOINLINE void ep_palette(const struct ep_code *op, const int8_t *input, int8_t *output, void *scratch)
{
    struct ep_decoder *const decoder = ep_decoder_begin(op, scratch, ep_palette_next);
    const uint32_t bits = (ep_decoder_byte(decoder) - 1) % 5 + 1, wide = ep_palette_wide(bits);
    const uint8_t *const values = decoder->at;
    uint32_t *const table = ep_decoder_table(decoder);
    uint32_t entry, k;
    (void)input;
    (void)output;
    decoder->left = bits;
    for (entry = 0; entry < 1u << bits; entry++) {
        (void)ep_decoder_byte(decoder);
    }
    for (entry = 0; entry < 1u << bits * wide; entry++) {
        table[entry] = 0;
        for (k = 0; k < wide; k++) {
            const uint8_t *const value = values + (entry >> bits * k & ((1u << bits) - 1));
            table[entry] |= value < decoder->end ? (uint32_t)*value << 8 * k : 0;
        }
    }
}

#endif
