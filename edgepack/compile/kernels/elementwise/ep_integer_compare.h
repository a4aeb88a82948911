/* EQUAL, NOT_EQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL of plain integers or bool, with broadcasting. */
#ifndef EP_INTEGER_COMPARE_H
#define EP_INTEGER_COMPARE_H

#include "ep_number.h"
#include "ep_rows.h"

struct ep_integer_compare {
    int32_t type;
    int32_t accept; /* what is true: 1 if the first is less, plus 2 if they are equal, plus 4 if it is greater */
    struct ep_rows shape;
};

EP_KERNEL void ep_integer_compare(const struct ep_integer_compare *op, const void *first, const void *second, uint8_t *output)
{
    const struct ep_rows *const shape = &op->shape;
    int32_t row, i, a, b;
    for (row = 0; row < shape->rows; row++) {
        ep_broadcast_offsets(&shape->outer, row, &a, &b);
        for (i = 0; i < shape->columns; i++, a += shape->step_1, b += shape->step_2) {
            const int64_t x = ep_load(first, a, op->type), y = ep_load(second, b, op->type);
            *output++ = (uint8_t)((op->accept >> (x > y ? 2 : x == y ? 1 : 0)) & 1);
        }
    }
}

#endif
