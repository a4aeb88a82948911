/* ADD, int8, of two tensors of one shape, in two multiplications: y = clamp((offset + a * multiplier_1 + b * multiplier_2) >> shift).
 *
 * The compiler uses this kernel only where it gives TFLite's result for all 65536 pairs of operands. */
#ifndef EP_ADD_SCALED_H
#define EP_ADD_SCALED_H

#include "ep_common.h"

struct ep_add_scaled {
    int32_t size;
    int32_t multiplier_1, multiplier_2, offset, shift;
    int32_t out_min, out_max;
};

EP_KERNEL void ep_add_scaled(const struct ep_add_scaled *op, const int8_t *a, const int8_t *b, int8_t *output)
{
    const int32_t multiplier_1 = op->multiplier_1, multiplier_2 = op->multiplier_2, offset = op->offset, size = op->size;
    int32_t i;
    for (i = 0; i < size; i++) {
        const int32_t sum = (offset + a[i] * multiplier_1 + b[i] * multiplier_2) >> op->shift;
        output[i] = (int8_t)ep_clamp(sum, op->out_min, op->out_max);
    }
}

#endif
