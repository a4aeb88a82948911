/* SELECT and SELECT_V2, int8: of two values the one that a condition chooses, all three broadcast. */
#ifndef EP_SELECT_H
#define EP_SELECT_H

#include "ep_broadcast.h"

struct ep_select {
    int32_t size;
    struct ep_broadcast values;     /* the two values */
    struct ep_broadcast conditions; /* the condition, twice */
};

EP_KERNEL void ep_select(const struct ep_select *op, const uint8_t *condition, const int8_t *first, const int8_t *second,
                         int8_t *output)
{
    int32_t i, a, b, c, same;
    for (i = 0; i < op->size; i++) {
        ep_broadcast_offsets(&op->values, i, &a, &b);
        ep_broadcast_offsets(&op->conditions, i, &c, &same);
        output[i] = condition[c] ? first[a] : second[b];
    }
}

#endif
