/* 3x3 depthwise, stride 2: one output line at a time, for each requantisation.
 *
 * For output line y the older pair of input lines is (2 y, 2 y + 1), the newer (2 y + 2, 2 y + 3): see ep_depthwise_lines.h. */
#ifndef EP_DEPTHWISE_STRIDE2_LINES_H
#define EP_DEPTHWISE_STRIDE2_LINES_H

#include "ep_depthwise_lines.h"

#if EP_ASSEMBLY

/* Registers as in ep_depthwise_3x3.h, with sums of two outputs in r11 and r12. 12 instructions (16 cycles on M4) an
 * output with the one-sided store, 18 with the exact one. */
#define EP_DEPTHWISE_STRIDE2_STEP(older, newer, store, finished, started) \
    "smlad " finished "," older ",r7," finished "\n" \
    "smlabt " finished "," newer ",r9," finished "\n" \
    "ldrd r2,r3,[r0],#32\n" \
    "smlad " finished "," older ",r8," finished "\n" \
    "smlabb " finished "," newer ",r10," finished "\n" \
    "smlad " started "," older ",r6,r4\n" \
    "smlabb " started "," newer ",r9," started "\n" \
    store(finished, "28")

/* The beginning of a line of a channel, before its loop is entered; r12 is free. */
#define EP_DEPTHWISE_STRIDE2_BEGIN(older, newer) \
    "ldm r1,{r4-r10}\n" \
    "mov r1,r2\n" \
    "ldrd r2,r3,[r0],#32\n" \
    "smlad r11," older ",r6,r4\n" \
    "smlabb r11," newer ",r9,r11\n"

/* A loop of two outputs, entered in its middle for an odd length, to go on at `end`; `n` begins its labels. */
#define EP_DEPTHWISE_STRIDE2_LOOP(older, newer, store, n, end) \
    ".p2align 2\n" \
    n "5: mov r12,r11\n" \
    "nop\n" \
    "b.w " n "2f\n" \
    n "1: ldrd r2,r3,[r0],#32\n" \
    "tst r2,#1\n" \
    "bne.w " end "\n" \
    EP_DEPTHWISE_STRIDE2_STEP(older, newer, store, "r11", "r12") \
    n "2: ldrd r2,r3,[r0],#32\n" \
    EP_DEPTHWISE_STRIDE2_STEP(older, newer, store, "r12", "r11") \
    "b.w " n "1b\n"

/* Where to enter a loop, in `to`: for an even length its beginning, 8 bytes behind label 5. */
#define EP_DEPTHWISE_STRIDE2_ENTRY(to, loop) \
    "adr.w " to "," loop "\n" \
    "cmp r3,#0\n" \
    "it eq\n" \
    "addeq " to "," to ",#8\n" \
    "orr " to "," to ",#1\n"

/* Four channels. Stack: 0 buffer, 4 constants, 8 output, then where to enter the loops; lr channels left. */
#define EP_DEPTHWISE_STRIDE2_CHANNELS(line) \
    "mov lr,#4\n" \
    "7: ldm sp,{r0-r2}\n" \
    line \
    "4: ldm sp,{r0-r2}\n" \
    "add r0,r0,#8\n" \
    "add r1,r1,#72\n" \
    "add r2,r2,#1\n" \
    "stm sp,{r0-r2}\n" \
    "subs lr,lr,#1\n" \
    "bne.w 7b\n"

#define EP_DEPTHWISE_STRIDE2_FUNCTION(older, newer, store) \
    "push {r4-r11,lr}\n" \
    EP_DEPTHWISE_STRIDE2_ENTRY("r4", "15f") \
    "mov r3,r4\n" \
    "push {r0-r3}\n" \
    EP_DEPTHWISE_STRIDE2_CHANNELS(EP_DEPTHWISE_STRIDE2_BEGIN(older, newer) "ldr pc,[sp,#12]\n" \
                                  EP_DEPTHWISE_STRIDE2_LOOP(older, newer, store, "1", "4f")) \
    "add sp,sp,#16\n" \
    "pop {r4-r11,pc}\n"

#endif

/* Computes four channels of an output line; the older pair is in slot `older`. */
typedef void ep_depthwise_stride2_line(const uint32_t *buffer, const struct ep_depthwise_line *lines, int8_t *out, int32_t length,
                                       int32_t older);

#if !EP_ASSEMBLY

EP_INLINE void ep_depthwise_stride2_define(const uint32_t *buffer, const struct ep_depthwise_line *lines, int8_t *out, int32_t length,
                                           int32_t older, int32_t form)
{
    int32_t channel;
    for (channel = 0; channel < 4; channel++) {
        ep_depthwise_lines_run(buffer + 2 * channel, lines + 2 * channel, out + channel, length, 2, older, 0, form);
    }
}

#endif

EP_INLINE void ep_depthwise_stride2_walk(const struct ep_depthwise_lines *image, const int8_t *input, int8_t *output, void *scratch,
                                         ep_depthwise_stride2_line *line)
{
    struct ep_depthwise_line *const lines = (struct ep_depthwise_line *)scratch;
    int8_t *const outside = (int8_t *)scratch + EP_DEPTHWISE_LINES_HEAD - 4;
    uint32_t *const buffer = (uint32_t *)(void *)(outside + 4);
    int32_t block, y;
    for (block = 0; block < image->channels; block += 4) {
        /* The last block begins earlier where channels are no multiple of four; it computes some channels again. */
        const int32_t c = ep_min(block, image->channels - 4);
        int32_t older = 0;
        ep_depthwise_lines_start(image, c, lines, buffer);
        ep_depthwise_lines_fetch(image, input + c, -image->pad_line, outside, buffer);
        for (y = 0; y < image->out_lines; y++) {
            ep_depthwise_lines_fetch(image, input + c, 2 * y + 2 - image->pad_line, outside, buffer + 1 - older);
            line(buffer, lines, output + y * image->out_line + c, image->out_length, older);
            older = 1 - older;
        }
    }
}

#endif
