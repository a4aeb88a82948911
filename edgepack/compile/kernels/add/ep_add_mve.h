/* ADD, int8, of two tensors of one shape, for the vector extension, as one sum of products:
 *     y = saturate((offset + a * multiplier_1 + b * multiplier_2) >> (16 + EP_ADD_MVE_SHIFT))
 *
 * The compiler uses this kernel only where it gives TFLite's result for all 65536 pairs of operands. */
#ifndef EP_ADD_MVE_H
#define EP_ADD_MVE_H

#include "ep_mve.h"

#define EP_ADD_MVE_SHIFT 5

struct ep_add_mve {
    int32_t size;
    int32_t multiplier_1, multiplier_2, offset;
};

#if EP_MVE

/* Four sums as words, in the lowest byte of each. */
EP_INLINE int32x4_t ep_add_mve_four(const struct ep_add_mve *op, int32x4_t a, int32x4_t b)
{
    const int32x4_t sum = vmlaq_n_s32(vmlasq_n_s32(a, vdupq_n_s32(op->multiplier_1), op->offset), b, op->multiplier_2);
    const int16x8_t half = EP_MVE_NARROW_BOTTOM(32, vreinterpretq_s16_s32(sum), sum, 16);
    return vreinterpretq_s32_s8(EP_MVE_NARROW_BOTTOM(16, vreinterpretq_s8_s16(half), half, EP_ADD_MVE_SHIFT));
}

EP_KERNEL void ep_add_mve(const struct ep_add_mve *op, const int8_t *a, const int8_t *b, int8_t *output)
{
    int32_t left = op->size;
    for (; left >= 16; left -= 16, a += 16, b += 16, output += 16) {
        const int32x4_t first = ep_add_mve_four(op, vldrbq_s32(a), vldrbq_s32(b));
        const int32x4_t second = ep_add_mve_four(op, vldrbq_s32(a + 4), vldrbq_s32(b + 4));
        const int32x4_t third = ep_add_mve_four(op, vldrbq_s32(a + 8), vldrbq_s32(b + 8));
        const int32x4_t fourth = ep_add_mve_four(op, vldrbq_s32(a + 12), vldrbq_s32(b + 12));
        vstrbq_s32(output, first);
        vstrbq_s32(output + 4, second);
        vstrbq_s32(output + 8, third);
        vstrbq_s32(output + 12, fourth);
    }
    for (; left > 0; left -= 4, a += 4, b += 4, output += 4) {
        const mve_pred16_t some = vctp32q((uint32_t)left);
        vstrbq_p_s32(output, ep_add_mve_four(op, vldrbq_z_s32(a, some), vldrbq_z_s32(b, some)), some);
    }
}

#else

EP_KERNEL void ep_add_mve(const struct ep_add_mve *op, const int8_t *a, const int8_t *b, int8_t *output)
{
    int32_t i;
    for (i = 0; i < op->size; i++) {
        const int32_t sum = op->offset + a[i] * op->multiplier_1 + b[i] * op->multiplier_2;
        output[i] = (int8_t)ep_clamp(sum >> (16 + EP_ADD_MVE_SHIFT), -128, 127);
    }
}

#endif

#endif
