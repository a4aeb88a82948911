/* DEPTHWISE_CONV_2D, int8, 3x3, stride 1, depth multiplier 1, for the DSP extension, exact requantisation: see ep_depthwise_3x3_lines.h. */
#ifndef EP_DEPTHWISE_3X3_EXACT_H
#define EP_DEPTHWISE_3X3_EXACT_H

#include "ep_depthwise_3x3_lines.h"

struct ep_depthwise_3x3_exact {
    struct ep_depthwise_lines lines;
};

#if EP_ASSEMBLY

EP_NAKED void ep_depthwise_3x3_exact_first(EP_ARGUMENT const uint32_t *buffer, EP_ARGUMENT const struct ep_depthwise_line *lines,
                                    EP_ARGUMENT int8_t *out_0, EP_ARGUMENT int8_t *out_1, EP_ARGUMENT int32_t rest)
{
    __asm__ volatile(EP_DEPTHWISE_3X3_FUNCTION("r2", "r3", EP_DEPTHWISE_STORE_EXACT));
}

EP_NAKED void ep_depthwise_3x3_exact_second(EP_ARGUMENT const uint32_t *buffer, EP_ARGUMENT const struct ep_depthwise_line *lines,
                                     EP_ARGUMENT int8_t *out_0, EP_ARGUMENT int8_t *out_1, EP_ARGUMENT int32_t rest)
{
    __asm__ volatile(EP_DEPTHWISE_3X3_FUNCTION("r3", "r2", EP_DEPTHWISE_STORE_EXACT));
}

#endif

EP_INLINE void ep_depthwise_3x3_exact_two(const uint32_t *buffer, const struct ep_depthwise_line *lines, int8_t *out_0, int8_t *out_1,
                                    int32_t length, int32_t older)
{
#if EP_ASSEMBLY
    if (older == 0) {
        ep_depthwise_3x3_exact_first(buffer, lines, out_0, out_1, length % 3);
    } else {
        ep_depthwise_3x3_exact_second(buffer, lines, out_0, out_1, length % 3);
    }
#else
    ep_depthwise_3x3_define(buffer, lines, out_0, out_1, length, older, EP_DEPTHWISE_EXACT);
#endif
}

EP_KERNEL void ep_depthwise_3x3_exact(const struct ep_depthwise_3x3_exact *op, const int8_t *input, int8_t *output, void *scratch)
{
    ep_depthwise_3x3_walk(&op->lines, input, output, scratch, ep_depthwise_3x3_exact_two);
}

#endif
