/* CONV_2D, int8, for the DSP extension: two output pixels at a time are gathered, widened to int16 and multiplied with every
 * filter by ep_gemm_2x4.h. */
#ifndef EP_CONV_2D_GEMM_H
#define EP_CONV_2D_GEMM_H

#include "ep_conv_window_gather.h"
#include "ep_gemm_2x4.h"
#include "ep_widen_two.h"

struct ep_conv_2d_gemm {
    struct ep_conv_windows windows;
    EP_SIZE depth;         /* values of a filter, rounded up to 4 */
    EP_SIZE direct;        /* 1: rows of the kernel are whole words in the input */
    int32_t whole;         /* words of the stream for whole groups of four channels */
    EP_SIZE out_step;      /* from an output pixel to the next: out_c, or more where this computes some of the channels */
    EP_SIZE half;          /* 2 * output zero point + 1 */
    const int32_t *stream; /* see ep_gemm.h; filters padded with zeros to `depth`, channels to 4 */
};

EP_KERNEL void ep_conv_2d_gemm(const struct ep_conv_2d_gemm *op, const int8_t *input, int8_t *output, void *scratch)
{
    const struct ep_conv_windows *const windows = &op->windows;
    const int32_t row = windows->kernel_w * windows->in_c, line = windows->dilation_h * windows->in_w * windows->in_c;
    const int32_t pixels = windows->out_h * windows->out_w, depth = op->depth, channels = windows->out_c;
    const int32_t *const whole = op->stream + op->whole; /* where a last group of less than four channels begins */
    int32_t *const x = (int32_t *)scratch;
    int8_t *const column_a = (int8_t *)(x + depth), *const column_b = column_a + depth, *const rest = column_b + depth;
    int32_t batch, pixel, c;
    memset(column_a, 0, (size_t)(2 * depth));
    for (batch = 0; batch < windows->batches; batch++, input += windows->in_h * windows->in_w * windows->in_c) {
        struct ep_conv_window a, b;
        ep_conv_window_first(windows, &b);
        for (pixel = 0; pixel < pixels; pixel += 2) {
            int8_t *second = output;
            a = b;
            if (pixel + 1 < pixels) {
                ep_conv_window_next(windows, &b);
                second += op->out_step;
            }
            if (op->direct != 0 && ep_conv_window_inside(windows, &a) && ep_conv_window_inside(windows, &b)) {
                ep_widen_two(x, input + a.corner, input + b.corner, row >> 2, windows->kernel_h, line - row);
            } else {
                ep_conv_window_gather(windows, input, &a, column_a);
                ep_conv_window_gather(windows, input, &b, column_b);
                ep_widen_two(x, column_a, column_b, depth >> 2, 1, 0);
            }
            ep_conv_window_next(windows, &b);
            if (whole != op->stream) {
                ep_gemm_2x4(x, depth >> 1, output, second, op->stream, op->half);
            }
            if ((channels & 3) != 0) {
                ep_gemm_2x4(x, depth >> 1, rest, rest + 4, whole, op->half);
                for (c = channels & ~3; c < channels; c++) {
                    output[c] = rest[c & 3];
                    second[c] = rest[4 + (c & 3)];
                }
            }
            output = second + op->out_step;
        }
    }
}

#endif
