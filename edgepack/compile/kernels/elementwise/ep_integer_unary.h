/* NEG, ABS and SIGN of plain integers (the smallest has no negative and stays), LOGICAL_NOT of bool. */
#ifndef EP_INTEGER_UNARY_H
#define EP_INTEGER_UNARY_H

#include "ep_number.h"

struct ep_integer_unary {
    int32_t size, type;
    int32_t function; /* 0: -x, 1: |x|, 2: -1, 0 or 1, 3: 1 if x is 0, else 0 */
};

EP_KERNEL void ep_integer_unary(const struct ep_integer_unary *op, const void *input, void *output)
{
    int32_t i;
    for (i = 0; i < op->size; i++) {
        const int64_t x = ep_load(input, i, op->type);
        const int64_t negative = (int64_t)(0u - (uint64_t)x);
        int64_t y = negative;
        if (op->function == 1) {
            y = x < 0 ? negative : x;
        } else if (op->function == 2) {
            y = (x > 0) - (x < 0);
        } else if (op->function == 3) {
            y = x == 0;
        }
        ep_store(output, i, op->type, y);
    }
}

#endif
