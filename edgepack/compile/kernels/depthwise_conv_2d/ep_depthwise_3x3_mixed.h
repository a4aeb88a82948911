/* DEPTHWISE_CONV_2D, int8, 3x3, stride 1, depth multiplier 1, for the DSP extension, channels one-sided with either shift: see
 * ep_depthwise_3x3_lines.h. */
#ifndef EP_DEPTHWISE_3X3_MIXED_H
#define EP_DEPTHWISE_3X3_MIXED_H

#include "ep_depthwise_3x3_lines.h"

struct ep_depthwise_3x3_mixed {
    struct ep_depthwise_lines lines;
};

#if EP_ASSEMBLY

/* As EP_DEPTHWISE_3X3_LINE; the channel's shift says where the stack has the entry of its loop, from `entries` on. The loop of a shift of 2
 * is elsewhere. */
#define EP_DEPTHWISE_3X3_MIXED_LINE(whole, other, half, out, entries, n) \
    "ldr lr,[r2,#32]\n" \
    "ldm r2,{r4-r10}\n" \
    EP_DEPTHWISE_3X3_BEGIN(whole, other, half, out) \
    "add lr,sp,lr\n" \
    "ldr pc,[lr,#" entries "]\n" \
    EP_DEPTHWISE_3X3_LOOP(whole, other, half, EP_DEPTHWISE_STORE, "", n, n "4f") \
    n "4:\n"

/* Stack from 16 on: where to enter the loops of both lines for a shift of 2, 8 bytes on for one of 10; then channels left. */
#define EP_DEPTHWISE_3X3_MIXED_FUNCTION(older, newer) \
    EP_DEPTHWISE_3X3_START \
    EP_DEPTHWISE_3X3_ENTRIES("r7", "r8", "35f", "45f") \
    "sub sp,sp,#36\n" \
    "strd r7,r8,[sp,#16]\n" \
    "strd r5,r6,[sp,#24]\n" \
    EP_DEPTHWISE_3X3_CHANNELS("32", EP_DEPTHWISE_3X3_MIXED_LINE(older, newer, "b", "8", "14", "1"), \
                              EP_DEPTHWISE_3X3_MIXED_LINE(newer, older, "t", "12", "18", "2")) \
    "add sp,sp,#36\n" \
    "pop {r4-r11,pc}\n" \
    EP_DEPTHWISE_3X3_LOOP(older, newer, "b", EP_DEPTHWISE_STORE_STEEP, "", "3", "14b") \
    EP_DEPTHWISE_3X3_LOOP(newer, older, "t", EP_DEPTHWISE_STORE_STEEP, "", "4", "24b")

EP_LONG_ASSEMBLY_BEGIN

EP_NAKED void ep_depthwise_3x3_mixed_first(EP_ARGUMENT const uint32_t *buffer, EP_ARGUMENT const struct ep_depthwise_line *lines,
                                           EP_ARGUMENT int8_t *out_0, EP_ARGUMENT int8_t *out_1, EP_ARGUMENT int32_t rest)
{
    __asm__ volatile(EP_DEPTHWISE_3X3_MIXED_FUNCTION("r2", "r3"));
}

EP_NAKED void ep_depthwise_3x3_mixed_second(EP_ARGUMENT const uint32_t *buffer, EP_ARGUMENT const struct ep_depthwise_line *lines,
                                            EP_ARGUMENT int8_t *out_0, EP_ARGUMENT int8_t *out_1, EP_ARGUMENT int32_t rest)
{
    __asm__ volatile(EP_DEPTHWISE_3X3_MIXED_FUNCTION("r3", "r2"));
}

EP_LONG_ASSEMBLY_END

#endif

EP_INLINE void ep_depthwise_3x3_mixed_two(const uint32_t *buffer, const struct ep_depthwise_line *lines, int8_t *out_0, int8_t *out_1,
                                          int32_t length, int32_t older)
{
#if EP_ASSEMBLY
    if (older == 0) {
        ep_depthwise_3x3_mixed_first(buffer, lines, out_0, out_1, length % 3);
    } else {
        ep_depthwise_3x3_mixed_second(buffer, lines, out_0, out_1, length % 3);
    }
#else
    ep_depthwise_3x3_define(buffer, lines, out_0, out_1, length, older, EP_DEPTHWISE_MIXED);
#endif
}

EP_KERNEL void ep_depthwise_3x3_mixed(const struct ep_depthwise_3x3_mixed *op, const int8_t *input, int8_t *output, void *scratch)
{
    ep_depthwise_3x3_walk(&op->lines, input, output, scratch, ep_depthwise_3x3_mixed_two);
}

#endif
