/* CUMSUM of float32, or of plain integers modulo 2^32 (2^64), along one axis. */
#ifndef EP_CUMSUM_H
#define EP_CUMSUM_H

#include "ep_number.h"

struct ep_cumsum {
    int32_t outer, extent, inner; /* the axis has `extent` elements, `inner` apart */
    int32_t exclusive, reverse;
    int32_t type;
};

EP_KERNEL void ep_cumsum(const struct ep_cumsum *op, const void *input, void *output)
{
    int32_t outer, inner, i;
    for (outer = 0; outer < op->outer; outer++) {
        for (inner = 0; inner < op->inner; inner++) {
            float sum = 0.0f;
            uint64_t total = 0;
            for (i = 0; i < op->extent; i++) {
                const int32_t at = (outer * op->extent + (op->reverse ? op->extent - 1 - i : i)) * op->inner + inner;
                if (op->type == EP_FLOAT32) {
                    const float before = sum;
                    sum += ((const float *)input)[at];
                    ((float *)output)[at] = op->exclusive ? before : sum;
                } else {
                    const uint64_t before = total;
                    total += (uint64_t)ep_load(input, at, op->type);
                    ep_store(output, at, op->type, (int64_t)(op->exclusive ? before : total));
                }
            }
        }
    }
}

#endif
