/* CUMSUM, int8, along one axis: sums in steps of 2^-20 of twice the input's scale, modulo 2^32, requantised.
 *
 * As in the reference, a sum starts at a stored 0, so minus the zero point. */
#ifndef EP_CUMSUM_INT8_H
#define EP_CUMSUM_INT8_H

#include "ep_fixed_point.h"

struct ep_cumsum_int8 {
    int32_t outer, extent, inner; /* the axis has `extent` elements, `inner` apart */
    int32_t exclusive, reverse;
    int32_t zero, out_zero, out_multiplier, out_shift;
};

EP_KERNEL void ep_cumsum_int8(const struct ep_cumsum_int8 *op, const int8_t *input, int8_t *output)
{
    int32_t outer, inner, i;
    for (outer = 0; outer < op->outer; outer++, input += op->extent * op->inner, output += op->extent * op->inner) {
        for (inner = 0; inner < op->inner; inner++) {
            int32_t sum = -op->zero * (1 << 19);
            for (i = 0; i < op->extent; i++) {
                const int32_t at = (op->reverse ? op->extent - 1 - i : i) * op->inner + inner;
                const int32_t before = sum;
                sum = (int32_t)((uint32_t)sum + (uint32_t)((input[at] - op->zero) * (1 << 19)));
                output[at] = (int8_t)ep_clamp(
                    op->out_zero + ep_requantize(op->exclusive ? before : sum, op->out_multiplier, op->out_shift), -128, 127);
            }
        }
    }
}

#endif
