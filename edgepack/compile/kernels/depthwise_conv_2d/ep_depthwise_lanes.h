/* DEPTHWISE_CONV_2D, int8, depth multiplier 1, for cores without SIMD: two output lines in the halves of a word.
 *
 * Channel by channel, the image is walked in lines (rows, or columns where those are longer), two output lines at once. A buffer
 * holds the input below them, position by position, as ep_gemm_lanes.h packs two pixels; the windows of neighbouring outputs overlap
 * in it. The buffer of the next two lines is filled before the outputs of these are written, so that with up to two lines of
 * padding and stride 1 the output may lie over the input. */
#ifndef EP_DEPTHWISE_LANES_H
#define EP_DEPTHWISE_LANES_H

#include "ep_fixed_point.h"
#include "ep_lanes_assembly.h"
#include "ep_one_sided.h"

struct ep_depthwise_lanes {
    EP_SIZE channels;
    EP_SIZE in_lines, in_length, in_line, in_step;     /* lines, their length, bytes from line to line and position to position */
    EP_SIZE out_lines, out_length, out_line, out_step; /* the same of the output */
    EP_SIZE kernel_lines, kernel_length;
    EP_SIZE stride_lines, stride_length;
    EP_SIZE pad_lines, pad_length;
    EP_SIZE in_zero, out_zero, out_min, out_max;
    EP_SIZE taps;              /* of the kernel, rounded up to 2 */
    EP_SIZE positions;         /* of a buffer, kernel_lines words each */
    const int8_t *weights;     /* [channels][kernel_length][kernel_lines], of two one above -128 */
    const int32_t *bias;       /* [channels], input zero point folded in, or that of ep_one_sided.h */
    const int32_t *multiplier; /* [channels] */
    const int8_t *shift;       /* [channels]; EP_ONE_SIDED: one-sided requantisation */
};

/* Dot products of `taps` (even) weights with `count` windows, `step` words apart, to sums[0], sums[1], ... in pairs. */
#if EP_LANES_ASSEMBLY

/* Registers: r0 x, r1 weights, r2 r3 two words of pixels, r4 r5 two weights, r6 end of the weights, r7 the second line's sum, r8 sum of
 * words, r9 window, r10 weights, r11 results, r12 windows left, lr where to enter the loop of eight.
 * 8 instructions (12 cycles on M0+) for 4 multiply-accumulates, 16 bytes of code. */
#define EP_DEPTHWISE_LANES_TWO \
    "ldm r1!,{r4,r5}\n" \
    "ldm r0!,{r2,r3}\n" \
    "muls r4,r2,r4\n" \
    "muls r5,r3,r5\n" \
    "adds r4,r4,r5\n" \
    "add r8,r4\n" \
    "asrs r4,r4,#16\n" \
    "adcs r7,r4\n"

EP_LANES_NAKED void ep_depthwise_lanes_windows(EP_LANES_ARGUMENT const int32_t *x, EP_LANES_ARGUMENT int32_t taps,
                                               EP_LANES_ARGUMENT const int32_t *weights, EP_LANES_ARGUMENT int32_t *sums,
                                               EP_LANES_ARGUMENT int32_t count, EP_LANES_ARGUMENT int32_t step)
{
    __asm__ volatile(
        ".syntax unified\n"
        "push {r4-r7,lr}\n"
        "mov r4,r8\n"
        "mov r5,r9\n"
        "mov r6,r10\n"
        "mov r7,r11\n"
        "push {r4-r7}\n"
        "ldr r4,[sp,#36]\n"
        "mov r12,r4\n"
        "ldr r5,[sp,#40]\n"
        "lsls r5,r5,#2\n"
        "str r5,[sp,#40]\n"
        "mov r9,r0\n"
        "mov r10,r2\n"
        "mov r11,r3\n"
        "lsls r6,r1,#2\n"
        "adds r6,r2,r6\n"
        "lsrs r4,r1,#1\n"
        "rsbs r4,r4,#0\n" /* pairs left out in the first round of eight */
        "lsls r4,r4,#29\n"
        "lsrs r4,r4,#25\n"
        "adr r5,2f\n"
        "adds r4,r4,r5\n"
        "adds r4,r4,#1\n"
        "mov lr,r4\n"
        "1:\n"
        "mov r0,r9\n"
        "mov r1,r10\n"
        "movs r7,#0\n"
        "mov r8,r7\n"
        "bx lr\n"
        ".p2align 2\n"
        "2:\n"
        ".rept 8\n" EP_DEPTHWISE_LANES_TWO ".endr\n"
        "cmp r1,r6\n"
        "bne.n 2b\n"
        "lsls r5,r7,#16\n"
        "mov r4,r8\n"
        "subs r4,r4,r5\n"
        "mov r5,r11\n"
        "stm r5!,{r4}\n"
        "stm r5!,{r7}\n"
        "mov r11,r5\n"
        "ldr r5,[sp,#40]\n"
        "add r9,r5\n"
        "mov r5,r12\n"
        "subs r5,#1\n"
        "mov r12,r5\n"
        "bne.n 1b\n"
        "pop {r4-r7}\n"
        "mov r8,r4\n"
        "mov r9,r5\n"
        "mov r10,r6\n"
        "mov r11,r7\n"
        "pop {r4-r7,pc}\n");
}

#else

static void ep_depthwise_lanes_windows(const int32_t *x, int32_t taps, const int32_t *weights, int32_t *sums, int32_t count,
                                       int32_t step)
{
    int32_t k;
    for (; count > 0; count--, x += step, sums += 2) {
        uint32_t words = 0;
        int32_t second = 0;
        for (k = 0; k < taps; k += 2) {
            const uint32_t two = (uint32_t)x[k] * (uint32_t)weights[k] + (uint32_t)x[k + 1] * (uint32_t)weights[k + 1];
            words += two;
            second += ((int32_t)two >> 16) + (int32_t)(two >> 15 & 1u);
        }
        sums[0] = (int32_t)(words - ((uint32_t)second << 16));
        sums[1] = second;
    }
}

#endif

/* Fill the buffer for output lines y and y + 1: for each position, the lines of the kernel. */
EP_NOINLINE void ep_depthwise_lanes_fill(const struct ep_depthwise_lanes *op, const int8_t *input, int32_t y, int32_t *buffer)
{
    const int32_t lines = op->kernel_lines, zero = op->in_zero;
    const int32_t first = op->pad_length, after = op->positions - first;
    int32_t k, p;
    for (k = 0; k < lines; k++) {
        const int32_t line_a = y * op->stride_lines - op->pad_lines + k, line_b = line_a + op->stride_lines;
        const int has_a = line_a >= 0 && line_a < op->in_lines, has_b = line_b >= 0 && line_b < op->in_lines;
        const int8_t *a = has_a ? input + line_a * op->in_line : NULL, *b = has_b ? input + line_b * op->in_line : NULL;
        const int32_t length = ep_min(op->in_length, after), step = op->in_step;
        int32_t *to = buffer + k;
        for (p = 0; p < first; p++, to += lines) {
            *to = zero * 65537;
        }
        if (has_a && has_b) {
            for (p = 0; p < length; p++, to += lines, a += step, b += step) {
                *to = *a + *b * 65536;
            }
        } else {
            for (p = 0; p < length; p++, to += lines) {
                *to = (has_a ? a[p * step] : zero) + (has_b ? b[p * step] : zero) * 65536;
            }
        }
        for (; p < after; p++, to += lines) {
            *to = zero * 65537;
        }
    }
}

/* Turn one line's sums into outputs. */
EP_NOINLINE void ep_depthwise_lanes_store(const struct ep_depthwise_lanes *op, int32_t channel, const int32_t *sums, int8_t *output)
{
    const int32_t bias = op->bias[channel], multiplier = op->multiplier[channel], length = op->out_length, step = op->out_step;
    int32_t i;
    if (op->shift[channel] == EP_ONE_SIDED) {
        const struct ep_one_sided to = ep_one_sided_begin(bias, multiplier);
        for (i = 0; i < length; i++, output += step) {
            *output = ep_one_sided(&to, sums[2 * i]);
        }
        return;
    }
    if (op->shift[channel] > EP_STEEP) {
        for (i = 0; i < length; i++, output += step) {
            *output = ep_steep(sums[2 * i], bias, multiplier, op->shift[channel]);
        }
        return;
    }
    for (i = 0; i < length; i++, output += step) {
        const int32_t q = op->out_zero + ep_requantize(sums[2 * i] + bias, multiplier, op->shift[channel]);
        *output = (int8_t)ep_clamp(q, op->out_min, op->out_max);
    }
}

EP_KERNEL void ep_depthwise_lanes(const struct ep_depthwise_lanes *op, const int8_t *input, int8_t *output, void *scratch)
{
    const int32_t kernel = op->kernel_lines * op->kernel_length;
    int32_t *const weights = (int32_t *)scratch, *const sums = weights + op->taps;
    const int32_t words = op->positions * op->kernel_lines;
    int32_t *now = sums + 2 * op->out_length, *next = now + words + 1;
    int32_t c, k, y;
    weights[op->taps - 1] = 0;
    now[words] = 0; /* read with the weight of zero that makes the taps even */
    next[words] = 0;
    for (c = 0; c < op->channels; c++) {
        for (k = 0; k < kernel; k++) {
            weights[k] = op->weights[c * kernel + k];
        }
        ep_depthwise_lanes_fill(op, input + c, 0, now);
        for (y = 0; y < op->out_lines; y += 2) {
            int8_t *const to = output + y * op->out_line + c;
            int32_t *const swap = now;
            if (y + 2 < op->out_lines) {
                ep_depthwise_lanes_fill(op, input + c, y + 2, next);
            }
            ep_depthwise_lanes_windows(now, op->taps, weights, sums, op->out_length, op->stride_length * op->kernel_lines);
            ep_depthwise_lanes_store(op, c, sums, to);
            if (y + 1 < op->out_lines) {
                ep_depthwise_lanes_store(op, c, sums + 1, to + op->out_line);
            }
            now = next;
            next = swap;
        }
    }
}

#endif
