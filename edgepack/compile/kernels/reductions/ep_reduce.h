/* Where the elements of a reduction lie: kept axes give an output each, reduced axes are summed over. */
#ifndef EP_REDUCE_H
#define EP_REDUCE_H

#include "ep_common.h"

#define EP_REDUCE_RANK 3 /* after merging neighbouring axes, six dimensions have at most three of each kind */

struct ep_reduce {
    int32_t kept[EP_REDUCE_RANK], kept_stride[EP_REDUCE_RANK]; /* extents, and strides in elements */
    int32_t reduced[EP_REDUCE_RANK], reduced_stride[EP_REDUCE_RANK];
};

/* Offset of the first element that contributes to an output. */
EP_INLINE int32_t ep_reduce_start(const struct ep_reduce *shape, int32_t output)
{
    int32_t offset = 0;
    int axis;
    for (axis = EP_REDUCE_RANK - 1; axis >= 0; axis--) {
        offset += output % shape->kept[axis] * shape->kept_stride[axis];
        output /= shape->kept[axis];
    }
    return offset;
}

#endif
