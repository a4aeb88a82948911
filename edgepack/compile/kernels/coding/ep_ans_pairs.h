/* ANS of pairs, see edgepack/coding/ans_pairs.py. The table has an entry for each of 256 slots: the symbol's two values in the low bytes,
 * the slot's place among the symbol's in the next, and how many slots the symbol has in the highest. */
#ifndef EP_ANS_PAIRS_H
#define EP_ANS_PAIRS_H

#include "ep_ans_state.h"

/* `state` is x. */
EP_NOINLINE void ep_ans_pairs_next(struct ep_decoder *decoder, int8_t *out, int32_t count)
{
    const uint32_t *const table = ep_decoder_table(decoder);
    const uint8_t *at = decoder->at, *const end = decoder->end - 1;
    int8_t *const last = out + count;
    uint32_t x = decoder->state, slot;
    EP_NO_UNROLL
    while (out < last) {
        slot = table[x & 255u];
        out[0] = (int8_t)(slot & 255u);
        out[1] = (int8_t)(slot >> 8 & 255u);
        x = (slot >> 24) * (x >> 8) + (slot >> 16 & 255u);
        slot = table[x & 255u];
        out[2] = (int8_t)(slot & 255u);
        out[3] = (int8_t)(slot >> 8 & 255u);
        x = (slot >> 24) * (x >> 8) + (slot >> 16 & 255u);
        x = ep_ans_filled(x, &at, end);
        out += 4;
    }
    decoder->state = x;
    decoder->at = at;
}

EP_SMALL void ep_ans_pairs(const struct ep_code *op, const int8_t *input, int8_t *output, void *scratch)
{
    struct ep_decoder *const decoder = ep_decoder_begin(op, scratch, ep_ans_pairs_next);
    uint32_t *const table = ep_decoder_table(decoder);
    uint32_t symbols = ep_take(decoder) + 1, slot = 0;
    (void)input;
    (void)output;
    for (; symbols > 0; symbols--) {
        const uint32_t first = ep_take(decoder), values = first | ep_take(decoder) << 8, slots = ep_take(decoder) + 1;
        uint32_t k;
        for (k = 0; k < slots && slot < 256; k++) {
            table[slot++] = values | k << 16 | slots << 24;
        }
    }
    while (slot < 256) {
        table[slot++] = 0;
    }
    ep_ans_begin(decoder);
}

#endif
