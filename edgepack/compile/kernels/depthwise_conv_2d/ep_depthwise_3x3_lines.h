/* 3x3 depthwise, stride 1: two output lines at a time, for either requantisation.
 *
 * For output lines y and y + 1 the older pair of input lines is (y - 1, y), the newer (y + 1, y + 2): see ep_depthwise_lines.h. */
#ifndef EP_DEPTHWISE_3X3_LINES_H
#define EP_DEPTHWISE_3X3_LINES_H

#include "ep_depthwise_lines.h"

#if EP_ASSEMBLY

/* Registers: r0 buffer, r1 output, r2 r3 the two pairs, r4 bias, r5 multiplier, r6 to r8 pairs of weights, r9 r10 single weights and
 * the output step, r11 r12 lr sums of three outputs at different stages. `whole` is the pair multiplied by pairs of weights, `half` (b or
 * t) the half of the other that single ones multiply; `store` requantises and stores. 7 instructions (9 cycles on M4) for 9
 * multiply-accumulates. */
#define EP_DEPTHWISE_3X3_STEP(whole, other, half, store, line, finished, middle, started) \
    "smlad " finished "," whole ",r8," finished "\n" \
    "smla" half "b " finished "," other ",r10," finished "\n" \
    "smlad " middle "," whole ",r7," middle "\n" \
    "smla" half "t " middle "," other ",r9," middle "\n" \
    "smlad " started "," whole ",r6,r4\n" \
    "smla" half "b " started "," other ",r9," started "\n" \
    store(finished, line)

#define EP_DEPTHWISE_3X3_LOAD "ldrd r2,r3,[r0],#32\n"

/* One channel of a line. The loop is three outputs long, entered so that it ends with the line; `n` begins its labels. */
#define EP_DEPTHWISE_3X3_LINE(whole, other, half, store, line, out, entry, n) \
    "ldm r2,{r4-r10}\n" \
    "ldr r1,[sp,#" out "]\n" \
    EP_DEPTHWISE_3X3_LOAD \
    "smlad r11," whole ",r6,r4\n" \
    "smla" half "b r11," other ",r9,r11\n" \
    EP_DEPTHWISE_3X3_LOAD \
    "smlad r11," whole ",r7,r11\n" \
    "smla" half "t r11," other ",r9,r11\n" \
    "smlad r12," whole ",r6,r4\n" \
    "smla" half "b r12," other ",r9,r12\n" \
    "ldr pc,[sp,#" entry "]\n" \
    ".p2align 2\n" \
    n "6: mov lr,r11\n" \
    "mov r11,r12\n" \
    "b.w " n "3f\n" \
    n "5: mov lr,r12\n" \
    "mov r12,r11\n" \
    "b.w " n "2f\n" \
    n "1:\n" \
    EP_DEPTHWISE_3X3_LOAD \
    "tst r2,#1\n" \
    "bne.w " n "4f\n" \
    EP_DEPTHWISE_3X3_STEP(whole, other, half, store, line, "r11", "r12", "lr") \
    n "2:\n" \
    EP_DEPTHWISE_3X3_LOAD \
    EP_DEPTHWISE_3X3_STEP(whole, other, half, store, line, "r12", "lr", "r11") \
    n "3:\n" \
    EP_DEPTHWISE_3X3_LOAD \
    EP_DEPTHWISE_3X3_STEP(whole, other, half, store, line, "lr", "r11", "r12") \
    "b.w " n "1b\n" \
    n "4:\n"

/* Stack: 0 buffer, 4 constants, 8 and 12 outputs, 16 and 20 where to enter the loops, 24 channels left. The loop is entered at its
 * beginning for a length that 3 divides, at 5 for a rest of 2, at 6 for 1: eight bytes apart. */
#define EP_DEPTHWISE_3X3_FUNCTION(older, newer, store) \
    "push {r4-r11,lr}\n" \
    "ldr r4,[sp,#36]\n" \
    "adr r5,15f\n" \
    "adr r6,25f\n" \
    "cmp r4,#1\n" \
    "itt lo\n" \
    "addlo r5,r5,#8\n" \
    "addlo r6,r6,#8\n" \
    "itt eq\n" \
    "subeq r5,r5,#8\n" \
    "subeq r6,r6,#8\n" \
    "orr r5,r5,#1\n" \
    "orr r6,r6,#1\n" \
    "sub sp,sp,#28\n" \
    "strd r0,r1,[sp]\n" \
    "strd r2,r3,[sp,#8]\n" \
    "strd r5,r6,[sp,#16]\n" \
    "mov r2,#4\n" \
    "str r2,[sp,#24]\n" \
    "7: ldrd r0,r2,[sp]\n" \
    EP_DEPTHWISE_3X3_LINE(older, newer, "b", store, "28", "8", "16", "1") \
    "ldr r1,[sp,#12]\n" \
    "cmp r1,#0\n" \
    "beq.w 8f\n" \
    "ldrd r0,r2,[sp]\n" \
    "add r2,r2,#36\n" \
    EP_DEPTHWISE_3X3_LINE(newer, older, "t", store, "64", "12", "20", "2") \
    "ldr r1,[sp,#12]\n" \
    "add r1,r1,#1\n" \
    "str r1,[sp,#12]\n" \
    "8: ldm sp,{r0-r2}\n" \
    "add r0,r0,#8\n" \
    "add r1,r1,#72\n" \
    "add r2,r2,#1\n" \
    "stm sp,{r0-r2}\n" \
    "ldr r2,[sp,#24]\n" \
    "subs r2,#1\n" \
    "str r2,[sp,#24]\n" \
    "bne.w 7b\n" \
    "add sp,sp,#28\n" \
    "pop {r4-r11,pc}\n"

#endif

/* Computes four channels of output line out_0, and of out_1 if that is not NULL; the older pair is in slot `older`. */
typedef void ep_depthwise_3x3_lines_two(const uint32_t *buffer, const struct ep_depthwise_line *lines, int8_t *out_0, int8_t *out_1,
                                        int32_t length, int32_t older);

#if !EP_ASSEMBLY

EP_INLINE void ep_depthwise_3x3_define(const uint32_t *buffer, const struct ep_depthwise_line *lines, int8_t *out_0, int8_t *out_1,
                                       int32_t length, int32_t older, int32_t exact)
{
    int32_t channel;
    for (channel = 0; channel < 4; channel++, buffer += 2, lines += 2) {
        ep_depthwise_lines_run(buffer, lines, out_0 + channel, length, 1, older, 0, exact);
        if (out_1 != NULL) {
            ep_depthwise_lines_run(buffer, lines + 1, out_1 + channel, length, 1, 1 - older, 1, exact);
        }
    }
}

#endif

EP_INLINE void ep_depthwise_3x3_walk(const struct ep_depthwise_lines *op, const int8_t *input, int8_t *output, void *scratch,
                                     ep_depthwise_3x3_lines_two *two)
{
    struct ep_depthwise_line *const lines = (struct ep_depthwise_line *)scratch;
    int8_t *const outside = (int8_t *)scratch + EP_DEPTHWISE_LINES_HEAD - 4;
    uint32_t *const buffer = (uint32_t *)(void *)(outside + 4);
    int32_t block, y;
    for (block = 0; block < op->channels; block += 4) {
        /* The last block begins earlier where channels are no multiple of four; it computes some channels again. */
        const int32_t c = ep_min(block, op->channels - 4);
        int32_t older = 0;
        ep_depthwise_lines_start(op, c, lines, buffer);
        ep_depthwise_lines_fetch(op, input + c, -op->pad_line, outside, buffer);
        for (y = 0; y < op->out_lines; y += 2) {
            int8_t *const out = output + y * op->out_line + c;
            ep_depthwise_lines_fetch(op, input + c, y + 2 - op->pad_line, outside, buffer + 1 - older);
            two(buffer, lines, out, y + 1 < op->out_lines ? out + op->out_line : NULL, op->out_length, older);
            older = 1 - older;
        }
    }
}

#endif
