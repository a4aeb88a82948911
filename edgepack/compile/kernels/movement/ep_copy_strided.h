/* Copy elements that lie at constant steps in the input, densely: SLICE, STRIDED_SLICE, TRANSPOSE, DEPTH_TO_SPACE and others.
 *
 * The output is walked in order; `bytes` are copied at each position. memmove, because the planner may place the output over
 * what has already been read. */
#ifndef EP_COPY_STRIDED_H
#define EP_COPY_STRIDED_H

#include "ep_common.h"

#define EP_COPY_RANK 6

struct ep_copy_strided {
    int32_t start;                 /* byte offset of the first element */
    int32_t bytes;                 /* copied at a time */
    int32_t rows;                  /* product of all extents but the last */
    int32_t extents[EP_COPY_RANK]; /* of the output, leading ones */
    int32_t steps[EP_COPY_RANK];   /* bytes in the input, may be negative or 0 */
};

EP_KERNEL void ep_copy_strided(const struct ep_copy_strided *op, const void *input, void *output)
{
    const uint8_t *const source = (const uint8_t *)input;
    uint8_t *target = (uint8_t *)output;
    const int32_t columns = op->extents[EP_COPY_RANK - 1], step = op->steps[EP_COPY_RANK - 1];
    int32_t at[EP_COPY_RANK] = {0};
    int32_t offset = op->start, row, i;
    int axis;
    for (row = 0; row < op->rows; row++) {
        if (op->bytes == 1) {
            for (i = 0; i < columns; i++) {
                *target++ = source[offset + i * step];
            }
        } else {
            for (i = 0; i < columns; i++, target += op->bytes) {
                memmove(target, source + offset + i * step, (size_t)op->bytes);
            }
        }
        for (axis = EP_COPY_RANK - 2; axis >= 0; axis--) { /* to the next row, carrying like an odometer */
            offset += op->steps[axis];
            if (++at[axis] < op->extents[axis]) {
                break;
            }
            offset -= op->extents[axis] * op->steps[axis];
            at[axis] = 0;
        }
    }
}

#endif
