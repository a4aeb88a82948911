/* Gaps: zeros, then a weight, by turns, in an entropy code, see edgepack/coding/gaps.py. The table has 128 slots of gaps and 128 of
 * weights: the gap or the weight in the low byte, the slot's place among the symbol's in the next, above them how many slots it has. */
#ifndef EP_GAPS_H
#define EP_GAPS_H

#include "ep_ans_state.h"

#define EP_GAPS_STEPS 7
#define EP_GAPS_SLOTS 128u

/* What is being decoded. */
struct ep_gaps_state {
    const uint32_t *table;
    const uint8_t *at, *end;
    uint32_t x;
    uint32_t way;   /* zeros before */
    uint32_t value; /* the next weight, a byte */
};

EP_INLINE void ep_gaps_fetch(struct ep_gaps_state *gaps)
{
    uint32_t slot = gaps->table[gaps->x & (EP_GAPS_SLOTS - 1)], x;
    gaps->way = slot & 255u;
    x = (slot >> 16) * (gaps->x >> EP_GAPS_STEPS) + (slot >> 8 & 255u);
    slot = gaps->table[EP_GAPS_SLOTS + (x & (EP_GAPS_SLOTS - 1))];
    gaps->value = slot & 255u;
    x = (slot >> 16) * (x >> EP_GAPS_STEPS) + (slot >> 8 & 255u);
    gaps->x = ep_ans_filled(x, &gaps->at, gaps->end);
}

/* `state` is x, `left` zeros before the next weight, and in the low byte that weight. */
EP_INLINE void ep_gaps_resume(struct ep_gaps_state *gaps, struct ep_decoder *decoder)
{
    gaps->table = ep_decoder_table(decoder);
    gaps->at = decoder->at;
    gaps->end = decoder->end - 1;
    gaps->x = decoder->state;
    gaps->way = decoder->left >> 8;
    gaps->value = decoder->left & 255u;
}

EP_INLINE void ep_gaps_leave(const struct ep_gaps_state *gaps, struct ep_decoder *decoder)
{
    decoder->at = gaps->at;
    decoder->state = gaps->x;
    decoder->left = gaps->way << 8 | gaps->value;
}

EP_NOINLINE void ep_gaps_next(struct ep_decoder *decoder, int8_t *out, int32_t count)
{
    struct ep_gaps_state gaps;
    uint32_t left = (uint32_t)count;
    ep_gaps_resume(&gaps, decoder);
    memset(out, 0, left);
    EP_NO_UNROLL
    while (gaps.way < left) {
        out += gaps.way;
        *out++ = (int8_t)gaps.value;
        left -= gaps.way + 1;
        ep_gaps_fetch(&gaps);
    }
    gaps.way -= left;
    ep_gaps_leave(&gaps, decoder);
}

/* So many symbols' slots, from `slot` to `last`; each has its number as its value, or its value beside it. */
EP_SMALL void ep_gaps_table(struct ep_decoder *decoder, uint32_t slot, uint32_t symbols, uint32_t beside)
{
    uint32_t *const table = ep_decoder_table(decoder);
    const uint32_t last = slot + EP_GAPS_SLOTS;
    uint32_t symbol;
    for (symbol = 0; symbol < symbols; symbol++) {
        const uint32_t value = beside != 0 ? ep_take(decoder) : symbol, slots = ep_take(decoder);
        uint32_t k;
        for (k = 0; k < slots && slot < last; k++) {
            table[slot++] = value | k << 8 | slots << 16;
        }
    }
    while (slot < last) {
        table[slot++] = 0;
    }
}

EP_SMALL void ep_gaps(const struct ep_code *op, const int8_t *input, int8_t *output, void *scratch)
{
    struct ep_decoder *const decoder = ep_decoder_begin(op, scratch, ep_gaps_next);
    const uint32_t symbols = ep_take(decoder) + 1, kinds = ep_take(decoder) + 1;
    struct ep_gaps_state gaps;
    (void)input;
    (void)output;
    ep_gaps_table(decoder, 0, symbols, 0);
    ep_gaps_table(decoder, EP_GAPS_SLOTS, kinds, 1);
    ep_ans_begin(decoder);
    ep_gaps_resume(&gaps, decoder);
    ep_gaps_fetch(&gaps);
    ep_gaps_leave(&gaps, decoder);
}

#endif
