/* ARG_MAX and ARG_MIN, int32: the position of the first largest or smallest element along an axis. */
#ifndef EP_ARG_MAX_INT32_H
#define EP_ARG_MAX_INT32_H

#include "ep_common.h"

struct ep_arg_max_int32 {
    int32_t outer, extent, inner; /* the axis has `extent` elements, `inner` apart */
    int32_t sign;                 /* 1: the largest, -1: the smallest */
    int32_t bytes;                /* of a result: 4, or 8 for int64 (little-endian cores only, as all Cortex-M firmware) */
};

EP_KERNEL void ep_arg_max_int32(const struct ep_arg_max_int32 *op, const int32_t *input, void *output)
{
    uint8_t *result = (uint8_t *)output;
    int32_t outer, inner, i;
    for (outer = 0; outer < op->outer; outer++, input += op->extent * op->inner) {
        for (inner = 0; inner < op->inner; inner++) {
            int32_t best = input[inner];
            int64_t where = 0;
            for (i = 1; i < op->extent; i++) {
                const int32_t x = input[i * op->inner + inner];
                if (op->sign > 0 ? x > best : x < best) {
                    best = x;
                    where = i;
                }
            }
            memcpy(result, &where, (size_t)op->bytes);
            result += op->bytes;
        }
    }
}

#endif
