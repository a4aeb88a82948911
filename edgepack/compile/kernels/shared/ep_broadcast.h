/* Where the operands of a broadcast binary operator lie, for the i-th output element. */
#ifndef EP_BROADCAST_H
#define EP_BROADCAST_H

#include "ep_common.h"

#define EP_BROADCAST_RANK 6

struct ep_broadcast {
    int32_t extents[EP_BROADCAST_RANK]; /* output shape, leading ones */
    int32_t stride_1[EP_BROADCAST_RANK]; /* elements; 0 along repeated axes */
    int32_t stride_2[EP_BROADCAST_RANK];
};

EP_INLINE void ep_broadcast_offsets(const struct ep_broadcast *shape, int32_t i, int32_t *offset_1, int32_t *offset_2)
{
    int axis;
    *offset_1 = 0;
    *offset_2 = 0;
    for (axis = EP_BROADCAST_RANK - 1; axis >= 0; axis--) {
        const int32_t position = i % shape->extents[axis];
        i /= shape->extents[axis];
        *offset_1 += position * shape->stride_1[axis];
        *offset_2 += position * shape->stride_2[axis];
    }
}

#endif
