/* MUL, int8, with broadcasting: up to six dimensions, a stride of 0 where an operand is repeated. */
#ifndef EP_MUL_BROADCAST_H
#define EP_MUL_BROADCAST_H

#include "ep_broadcast.h"
#include "ep_mul_element.h"

struct ep_mul_broadcast {
    struct ep_mul mul;
    struct ep_broadcast shape;
};

EP_KERNEL void ep_mul_broadcast(const struct ep_mul_broadcast *op, const int8_t *a, const int8_t *b, int8_t *output)
{
    int32_t i;
    for (i = 0; i < op->mul.size; i++) {
        int32_t offset_a, offset_b;
        ep_broadcast_offsets(&op->shape, i, &offset_a, &offset_b);
        output[i] = ep_mul_one(&op->mul, a[offset_a], b[offset_b]);
    }
}

#endif
