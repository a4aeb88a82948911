/* SUB, int8, with broadcasting: an ADD whose second multiplier is negative. */
#ifndef EP_SUB_H
#define EP_SUB_H

#include "ep_add_element.h"
#include "ep_rows.h"

struct ep_sub {
    struct ep_add add;
    struct ep_rows shape;
};

EP_KERNEL void ep_sub(const struct ep_sub *op, const int8_t *first, const int8_t *second, int8_t *output)
{
    const struct ep_rows *const shape = &op->shape;
    int32_t row, i, a, b;
    for (row = 0; row < shape->rows; row++) {
        ep_broadcast_offsets(&shape->outer, row, &a, &b);
        for (i = 0; i < shape->columns; i++, a += shape->step_1, b += shape->step_2) {
            *output++ = ep_add_one(&op->add, first[a], second[b]);
        }
    }
}

#endif
