/* Ternary: five of at most three values in a byte, see edgepack/coding/ternary.py. */
#ifndef EP_TERNARY_H
#define EP_TERNARY_H

#include "ep_take.h"

#define EP_TERNARY_THREE 29 /* entries of the table for the first three digits of a byte; those for the other two follow */

/* `state` is the byte whose digits are handed out, `left` how many are still to come. */
EP_NOINLINE void ep_ternary_next(struct ep_decoder *decoder, int8_t *out, int32_t count)
{
    const uint32_t *const table = ep_decoder_table(decoder);
    uint32_t byte = decoder->state, left = decoder->left;
    EP_NO_UNROLL
    while (count > 0) {
        uint32_t three, two;
        if (left == 0) {
            byte = ep_decoder_byte(decoder);
            left = 5;
        }
        three = byte * 57 >> 9; /* byte / 9 */
        two = table[EP_TERNARY_THREE + (byte - 9 * three)];
        three = table[three];
        if (left == 5 && count >= 5) {
            memcpy(out, &three, 4);
            memcpy(out + 3, &two, 2);
            out += 5;
            count -= 5;
            left = 0;
        } else {
            *out++ = (int8_t)((left > 2 ? three >> 8 * (5 - left) : two >> 8 * (2 - left)) & 255u);
            count--;
            left--;
        }
    }
    decoder->state = byte;
    decoder->left = left;
}

EP_SMALL void ep_ternary(const struct ep_code *op, const int8_t *input, int8_t *output, void *scratch)
{
    struct ep_decoder *const decoder = ep_decoder_begin(op, scratch, ep_ternary_next);
    uint32_t *const table = ep_decoder_table(decoder), *const two = table + EP_TERNARY_THREE;
    uint32_t values[3], i, j;
    (void)input;
    (void)output;
    for (i = 0; i < 3; i++) {
        values[i] = ep_take(decoder);
    }
    memset(table, 0, EP_TERNARY_THREE * sizeof *table);
    for (i = 0; i < 9; i++) {
        two[i] = values[i / 3] | values[i % 3] << 8;
    }
    for (i = 0; i < 9; i++) {
        for (j = 0; j < 3; j++) {
            table[3 * i + j] = two[i] | values[j] << 16;
        }
    }
}

#endif
