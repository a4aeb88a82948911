/* ADD, int8, with broadcasting: up to six dimensions, a stride of 0 where an operand is repeated. */
#ifndef EP_ADD_BROADCAST_H
#define EP_ADD_BROADCAST_H

#include "ep_add_element.h"
#include "ep_broadcast.h"

struct ep_add_broadcast {
    struct ep_add add;
    struct ep_broadcast shape;
};

EP_KERNEL void ep_add_broadcast(const struct ep_add_broadcast *op, const int8_t *a, const int8_t *b, int8_t *output)
{
    int32_t i;
    for (i = 0; i < op->add.size; i++) {
        int32_t offset_a, offset_b;
        ep_broadcast_offsets(&op->shape, i, &offset_a, &offset_b);
        output[i] = ep_add_one(&op->add, a[offset_a], b[offset_b]);
    }
}

#endif
