/* Move rows that are needed again to the beginning of their buffer, which lies below them. */
#ifndef EP_MOVE_ROWS_H
#define EP_MOVE_ROWS_H

#include "ep_common.h"

struct ep_move_rows {
    int32_t bytes;
};

EP_KERNEL void ep_move_rows(const struct ep_move_rows *op, const int8_t *input, int8_t *output)
{
    int32_t left;
    for (left = op->bytes; left >= 16; left -= 16, input += 16, output += 16) {
        uint32_t words[4]; /* all are read before any is written: the places may overlap */
        memcpy(words, input, 16);
        memcpy(output, words, 16);
    }
    for (; left > 0; left--) {
        *output++ = *input++;
    }
}

#endif
