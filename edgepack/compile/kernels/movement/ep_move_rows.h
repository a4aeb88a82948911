/* Move rows that are needed again to the beginning of their buffer, which lies below them. */
#ifndef EP_MOVE_ROWS_H
#define EP_MOVE_ROWS_H

#include "ep_common.h"

struct ep_move_rows {
    int32_t words;
};

EP_KERNEL void ep_move_rows(const struct ep_move_rows *op, const int8_t *input, int8_t *output)
{
    int32_t left;
    for (left = op->words; left >= 4; left -= 4, input += 16, output += 16) {
        uint32_t words[4]; /* all are read before any is written: the places may overlap */
        memcpy(words, input, 16);
        memcpy(output, words, 16);
    }
    for (; left > 0; left--, input += 4, output += 4) {
        uint32_t word;
        memcpy(&word, input, 4);
        memcpy(output, &word, 4);
    }
}

#endif
