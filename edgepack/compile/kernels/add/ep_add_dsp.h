/* ADD, int8, of two tensors of one shape, with the general form's three requantisations reduced to what the scales need.
 *
 * (a - zero) * 2^20 times a multiplier, over 2^31, is ((a - zero) << 21) SMMULR multiplier. The operand of the larger scale has
 * multiplier 2^30 and shift 0, which is exactly (a - zero) << 19; `right` is the other's right shift. */
#ifndef EP_ADD_DSP_H
#define EP_ADD_DSP_H

#include "ep_dsp.h"

struct ep_add_dsp {
    int32_t size;
    int32_t zero_large;                    /* of the operand whose scale is the larger one, the first argument */
    int32_t zero_small, multiplier, right; /* right: 0 to 22 */
    int32_t out_zero, out_multiplier, out_right, out_min, out_max; /* out_right: 1 to 22 */
};

EP_KERNEL void ep_add_dsp(const struct ep_add_dsp *op, const int8_t *large, const int8_t *small, int8_t *output)
{
    const int32_t rounding = op->right > 0 ? (int32_t)1 << (op->right - 1) : 0;
    const int32_t mask = op->right > 0 ? -1 : 0; /* a shift of 0 rounds nothing */
    const int32_t out_rounding = ep_shift_left(2 * op->out_zero + 1, op->out_right - 1);
    int32_t i;
    for (i = 0; i < op->size; i++) {
        const int32_t a = (large[i] - op->zero_large) * ((int32_t)1 << 19);
        const int32_t b = ep_smmulr((small[i] - op->zero_small) * ((int32_t)1 << 21), op->multiplier);
        const int32_t sum = a + ((b + ((b >> 31) & mask) + rounding) >> op->right);
        const int32_t q = ep_round_shift(ep_smmulr(sum * 2, op->out_multiplier), op->out_right, out_rounding);
        output[i] = (int8_t)ep_clamp(q, op->out_min, op->out_max);
    }
}

#endif
