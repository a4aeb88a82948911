/* 3x3 depthwise, stride 1: two output lines at a time, for each requantisation.
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

/* The beginning of a line of a channel, before its loop is entered; lr is free. */
#define EP_DEPTHWISE_3X3_BEGIN(whole, other, half, out) \
    "ldr r1,[sp,#" out "]\n" \
    EP_DEPTHWISE_3X3_LOAD \
    "smlad r11," whole ",r6,r4\n" \
    "smla" half "b r11," other ",r9,r11\n" \
    EP_DEPTHWISE_3X3_LOAD \
    "smlad r11," whole ",r7,r11\n" \
    "smla" half "t r11," other ",r9,r11\n" \
    "smlad r12," whole ",r6,r4\n" \
    "smla" half "b r12," other ",r9,r12\n"

/* A loop three outputs long, entered so that it ends with the line, to go on at `end`; `n` begins its labels. */
#define EP_DEPTHWISE_3X3_LOOP(whole, other, half, store, line, n, end) \
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
    "bne.w " end "\n" \
    EP_DEPTHWISE_3X3_STEP(whole, other, half, store, line, "r11", "r12", "lr") \
    n "2:\n" \
    EP_DEPTHWISE_3X3_LOAD \
    EP_DEPTHWISE_3X3_STEP(whole, other, half, store, line, "r12", "lr", "r11") \
    n "3:\n" \
    EP_DEPTHWISE_3X3_LOAD \
    EP_DEPTHWISE_3X3_STEP(whole, other, half, store, line, "lr", "r11", "r12") \
    "b.w " n "1b\n"

/* One channel of a line. */
#define EP_DEPTHWISE_3X3_LINE(whole, other, half, store, line, out, entry, n) \
    "ldm r2,{r4-r10}\n" \
    EP_DEPTHWISE_3X3_BEGIN(whole, other, half, out) \
    "ldr pc,[sp,#" entry "]\n" \
    EP_DEPTHWISE_3X3_LOOP(whole, other, half, store, line, n, n "4f") \
    n "4:\n"

/* Where to enter loops, from their label 5 on: at their beginning (8 bytes on) for a length that 3 divides, at 5 for a rest of 2, at 6
 * (8 bytes before) for 1. */
#define EP_DEPTHWISE_3X3_ENTRIES(a, b, loop_a, loop_b) \
    "adr.w " a "," loop_a "\n" \
    "adr.w " b "," loop_b "\n" \
    "add " a "," a ",r12\n" \
    "add " b "," b ",r12\n"

#define EP_DEPTHWISE_3X3_START \
    "push {r4-r11,lr}\n" \
    "ldr r4,[sp,#36]\n" \
    "mov r12,#1\n" \
    "cmp r4,#1\n" \
    "it lo\n" \
    "movlo r12,#9\n" \
    "it eq\n" \
    "mvneq r12,#6\n" \
    EP_DEPTHWISE_3X3_ENTRIES("r5", "r6", "15f", "25f")

/* Both lines of four channels. Stack: 0 buffer, 4 constants, 8 and 12 outputs, where to enter the loops, at `left` channels left. */
#define EP_DEPTHWISE_3X3_CHANNELS(left, first, second) \
    "strd r0,r1,[sp]\n" \
    "strd r2,r3,[sp,#8]\n" \
    "mov r2,#4\n" \
    "str r2,[sp,#" left "]\n" \
    "7: ldrd r0,r2,[sp]\n" \
    first \
    "ldr r1,[sp,#12]\n" \
    "cmp r1,#0\n" \
    "beq.w 8f\n" \
    "ldrd r0,r2,[sp]\n" \
    "add r2,r2,#36\n" \
    second \
    "ldr r1,[sp,#12]\n" \
    "add r1,r1,#1\n" \
    "str r1,[sp,#12]\n" \
    "8: ldm sp,{r0-r2}\n" \
    "add r0,r0,#8\n" \
    "add r1,r1,#72\n" \
    "add r2,r2,#1\n" \
    "stm sp,{r0-r2}\n" \
    "ldr r2,[sp,#" left "]\n" \
    "subs r2,#1\n" \
    "str r2,[sp,#" left "]\n" \
    "bne.w 7b\n"

#define EP_DEPTHWISE_3X3_FUNCTION(older, newer, store) \
    EP_DEPTHWISE_3X3_START \
    "sub sp,sp,#28\n" \
    "strd r5,r6,[sp,#16]\n" \
    EP_DEPTHWISE_3X3_CHANNELS("24", EP_DEPTHWISE_3X3_LINE(older, newer, "b", store, "28", "8", "16", "1"), \
                              EP_DEPTHWISE_3X3_LINE(newer, older, "t", store, "64", "12", "20", "2")) \
    "add sp,sp,#28\n" \
    "pop {r4-r11,pc}\n"

#endif

/* Computes four channels of output line out_0, and of out_1 if that is not NULL; the older pair is in slot `older`. */
typedef void ep_depthwise_3x3_lines_two(const uint32_t *buffer, const struct ep_depthwise_line *lines, int8_t *out_0, int8_t *out_1,
                                        int32_t length, int32_t older);

#if !EP_ASSEMBLY

EP_INLINE void ep_depthwise_3x3_define(const uint32_t *buffer, const struct ep_depthwise_line *lines, int8_t *out_0, int8_t *out_1,
                                       int32_t length, int32_t older, int32_t form)
{
    int32_t channel;
    for (channel = 0; channel < 4; channel++, buffer += 2, lines += 2) {
        ep_depthwise_lines_run(buffer, lines, out_0 + channel, length, 1, older, 0, form);
        if (out_1 != NULL) {
            ep_depthwise_lines_run(buffer, lines + 1, out_1 + channel, length, 1, 1 - older, 1, form);
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
