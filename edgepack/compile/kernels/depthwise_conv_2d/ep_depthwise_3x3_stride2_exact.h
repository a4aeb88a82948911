/* DEPTHWISE_CONV_2D, int8, 3x3, stride 2, depth multiplier 1, for the DSP extension, exact requantisation: see
 * ep_depthwise_stride2_lines.h. */
#ifndef EP_DEPTHWISE_3X3_STRIDE2_EXACT_H
#define EP_DEPTHWISE_3X3_STRIDE2_EXACT_H

#include "ep_depthwise_stride2_lines.h"

struct ep_depthwise_3x3_stride2_exact {
    struct ep_depthwise_lines lines;
};

#if EP_ASSEMBLY

EP_NAKED void ep_depthwise_3x3_stride2_exact_even(EP_ARGUMENT const uint32_t *buffer, EP_ARGUMENT const struct ep_depthwise_line *lines,
                             EP_ARGUMENT int8_t *out, EP_ARGUMENT int32_t odd_length)
{
    __asm__ volatile(EP_DEPTHWISE_STRIDE2_FUNCTION("r2", "r3", EP_DEPTHWISE_STORE_EXACT));
}

EP_NAKED void ep_depthwise_3x3_stride2_exact_odd(EP_ARGUMENT const uint32_t *buffer, EP_ARGUMENT const struct ep_depthwise_line *lines,
                            EP_ARGUMENT int8_t *out, EP_ARGUMENT int32_t odd_length)
{
    __asm__ volatile(EP_DEPTHWISE_STRIDE2_FUNCTION("r3", "r2", EP_DEPTHWISE_STORE_EXACT));
}

#endif

EP_INLINE void ep_depthwise_3x3_stride2_exact_line(const uint32_t *buffer, const struct ep_depthwise_line *lines, int8_t *out, int32_t length, int32_t older)
{
#if EP_ASSEMBLY
    if (older == 0) {
        ep_depthwise_3x3_stride2_exact_even(buffer, lines, out, length & 1);
    } else {
        ep_depthwise_3x3_stride2_exact_odd(buffer, lines, out, length & 1);
    }
#else
    ep_depthwise_stride2_define(buffer, lines, out, length, older, EP_DEPTHWISE_EXACT);
#endif
}

EP_KERNEL void ep_depthwise_3x3_stride2_exact(const struct ep_depthwise_3x3_stride2_exact *op, const int8_t *input, int8_t *output, void *scratch)
{
    ep_depthwise_stride2_walk(&op->lines, input, output, scratch, ep_depthwise_3x3_stride2_exact_line);
}

#endif
