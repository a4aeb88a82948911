/* ARG_MAX and ARG_MIN, int8: the position of the first largest (sign 1) or smallest (sign -1) element along an axis. */
#ifndef EP_ARG_MAX_H
#define EP_ARG_MAX_H

#include "ep_common.h"

struct ep_arg_max {
    int32_t outer, extent, inner; /* the axis has `extent` elements, `inner` apart */
    int32_t sign;
    int32_t bytes; /* of a result: 4, or 8 for int64 (little-endian cores only, as all Cortex-M firmware) */
};

EP_KERNEL void ep_arg_max(const struct ep_arg_max *op, const int8_t *input, void *output)
{
    uint8_t *result = (uint8_t *)output;
    int32_t outer, inner, i;
    for (outer = 0; outer < op->outer; outer++, input += op->extent * op->inner) {
        for (inner = 0; inner < op->inner; inner++) {
            int32_t best = op->sign * input[inner];
            int64_t where = 0;
            for (i = 1; i < op->extent; i++) {
                const int32_t x = op->sign * input[i * op->inner + inner];
                if (x > best) {
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
