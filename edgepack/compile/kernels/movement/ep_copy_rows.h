/* Copy rows of bytes between two strides: one operand of CONCATENATION, one result of SPLIT. */
#ifndef EP_COPY_ROWS_H
#define EP_COPY_ROWS_H

#include "ep_common.h"

struct ep_copy_rows {
    int32_t rows, bytes;          /* bytes of a row that are copied */
    int32_t in_start, in_stride;  /* bytes */
    int32_t out_start, out_stride;
};

EP_KERNEL void ep_copy_rows(const struct ep_copy_rows *op, const void *input, void *output)
{
    const uint8_t *source = (const uint8_t *)input + op->in_start;
    uint8_t *target = (uint8_t *)output + op->out_start;
    int32_t row;
    for (row = 0; row < op->rows; row++, source += op->in_stride, target += op->out_stride) {
        memcpy(target, source, (size_t)op->bytes);
    }
}

#endif
