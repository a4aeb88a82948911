/* SELECT and SELECT_V2, any type: of two values the one that a condition chooses, all three broadcast. */
#ifndef EP_SELECT_H
#define EP_SELECT_H

#include "ep_broadcast.h"

struct ep_select {
    int32_t size;
    int32_t bytes;                  /* of an element */
    struct ep_broadcast values;     /* the two values */
    struct ep_broadcast conditions; /* the condition, twice */
};

EP_KERNEL void ep_select(const struct ep_select *op, const uint8_t *condition, const void *first, const void *second, void *output)
{
    uint8_t *target = (uint8_t *)output;
    int32_t i, a, b, c, same;
    for (i = 0; i < op->size; i++, target += op->bytes) {
        ep_broadcast_offsets(&op->values, i, &a, &b);
        ep_broadcast_offsets(&op->conditions, i, &c, &same);
        memcpy(target, condition[c] ? (const uint8_t *)first + a * op->bytes : (const uint8_t *)second + b * op->bytes,
               (size_t)op->bytes);
    }
}

#endif
