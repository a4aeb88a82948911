/* ANS: an entropy code, see edgepack/coding/ans.py. The table has an entry for each of 256 slots: the symbol's lowest value in the low
 * byte, the slot's place among the symbol's in the next, above them how many slots the symbol has, and whether raw bits follow. */
#ifndef EP_ANS_H
#define EP_ANS_H

#include "ep_ans_state.h"

#define EP_ANS_RAW 0x80000000u
#define EP_ANS_APART 128u

/* `state` is x, `left` the number of raw bits. */
EP_NOINLINE void ep_ans_next(struct ep_decoder *decoder, int8_t *out, int32_t count)
{
    const uint32_t *const table = ep_decoder_table(decoder), raw = decoder->left;
    const uint8_t *at = decoder->at, *const end = decoder->end - 1;
    int8_t *const last = out + count;
    uint32_t x = decoder->state, slot;
    if (raw == 0) {
        EP_NO_UNROLL
        while (out < last) {
            slot = table[x & 255u];
            *out++ = (int8_t)(slot & 255u);
            x = (slot >> 16) * (x >> 8) + (slot >> 8 & 255u);
            slot = table[x & 255u];
            *out++ = (int8_t)(slot & 255u);
            x = (slot >> 16) * (x >> 8) + (slot >> 8 & 255u);
            x = ep_ans_filled(x, &at, end);
        }
    } else {
        const uint32_t mask = (1u << raw) - 1;
        EP_NO_UNROLL
        while (out < last) {
            slot = table[x & 255u];
            x = (slot >> 16 & 0x1FFu) * (x >> 8) + (slot >> 8 & 255u);
            if ((slot & EP_ANS_RAW) != 0) {
                slot += x & mask;
                x >>= raw;
            }
            *out++ = (int8_t)(slot & 255u);
            x = ep_ans_filled(x, &at, end);
        }
    }
    decoder->state = x;
    decoder->at = at;
}

EP_SMALL void ep_ans(const struct ep_code *op, const int8_t *input, int8_t *output, void *scratch)
{
    struct ep_decoder *const decoder = ep_decoder_begin(op, scratch, ep_ans_next);
    uint32_t *const table = ep_decoder_table(decoder);
    uint32_t symbols = ep_take(decoder) + 1, slot = 0, k;
    const uint32_t raw = ep_take(decoder);
    uint32_t more = (raw & 7u) != 0 && (raw & EP_ANS_APART) == 0 ? EP_ANS_RAW : 0;
    (void)input;
    (void)output;
    decoder->left = raw & 7u;
    for (; symbols > 0; symbols--) {
        const uint32_t value = ep_take(decoder), slots = ep_take(decoder) + 1;
        for (k = 0; k < slots && slot < 256; k++) {
            table[slot++] = value | k << 8 | slots << 16 | more;
        }
        more = (raw & 7u) != 0 ? EP_ANS_RAW : 0;
    }
    while (slot < 256) {
        table[slot++] = 0;
    }
    ep_ans_begin(decoder);
}

#endif
