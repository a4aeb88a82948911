/* DEPTHWISE_CONV_2D, int8, 3x3, stride 2, depth multiplier 1, for the DSP extension, channels one-sided with either shift: see
 * ep_depthwise_stride2_lines.h. */
#ifndef EP_DEPTHWISE_3X3_STRIDE2_MIXED_H
#define EP_DEPTHWISE_3X3_STRIDE2_MIXED_H

#include "ep_depthwise_stride2_lines.h"

struct ep_depthwise_3x3_stride2_mixed {
    struct ep_depthwise_lines lines;
};

#if EP_ASSEMBLY

/* Stack from 12 on: where to enter the loop for a shift of 2, 8 bytes on for one of 10. */
#define EP_DEPTHWISE_STRIDE2_MIXED_FUNCTION(older, newer) \
    "push {r4-r11,lr}\n" \
    EP_DEPTHWISE_STRIDE2_ENTRY("r5", "15f") \
    EP_DEPTHWISE_STRIDE2_ENTRY("r4", "35f") \
    "mov r3,r4\n" \
    "push {r0-r5}\n" \
    EP_DEPTHWISE_STRIDE2_CHANNELS("ldr r12,[r1,#32]\n" \
                                  EP_DEPTHWISE_STRIDE2_BEGIN(older, newer) \
                                  "add r12,sp,r12\n" \
                                  "ldr pc,[r12,#10]\n" \
                                  EP_DEPTHWISE_STRIDE2_LOOP(older, newer, EP_DEPTHWISE_STORE, "1", "4f")) \
    "add sp,sp,#24\n" \
    "pop {r4-r11,pc}\n" \
    EP_DEPTHWISE_STRIDE2_LOOP(older, newer, EP_DEPTHWISE_STORE_STEEP, "3", "4b")

EP_NAKED void ep_depthwise_3x3_stride2_mixed_even(EP_ARGUMENT const uint32_t *buffer, EP_ARGUMENT const struct ep_depthwise_line *lines,
                                                  EP_ARGUMENT int8_t *out, EP_ARGUMENT int32_t odd_length)
{
    __asm__ volatile(EP_DEPTHWISE_STRIDE2_MIXED_FUNCTION("r2", "r3"));
}

EP_NAKED void ep_depthwise_3x3_stride2_mixed_odd(EP_ARGUMENT const uint32_t *buffer, EP_ARGUMENT const struct ep_depthwise_line *lines,
                                                 EP_ARGUMENT int8_t *out, EP_ARGUMENT int32_t odd_length)
{
    __asm__ volatile(EP_DEPTHWISE_STRIDE2_MIXED_FUNCTION("r3", "r2"));
}

#endif

EP_INLINE void ep_depthwise_3x3_stride2_mixed_line(const uint32_t *buffer, const struct ep_depthwise_line *lines, int8_t *out,
                                                   int32_t length, int32_t older)
{
#if EP_ASSEMBLY
    if (older == 0) {
        ep_depthwise_3x3_stride2_mixed_even(buffer, lines, out, length & 1);
    } else {
        ep_depthwise_3x3_stride2_mixed_odd(buffer, lines, out, length & 1);
    }
#else
    ep_depthwise_stride2_define(buffer, lines, out, length, older, EP_DEPTHWISE_MIXED);
#endif
}

EP_KERNEL void ep_depthwise_3x3_stride2_mixed(const struct ep_depthwise_3x3_stride2_mixed *op, const int8_t *input, int8_t *output,
                                              void *scratch)
{
    ep_depthwise_stride2_walk(&op->lines, input, output, scratch, ep_depthwise_3x3_stride2_mixed_line);
}

#endif
