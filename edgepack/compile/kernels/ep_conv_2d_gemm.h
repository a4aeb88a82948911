/* CONV_2D, int8, for the DSP extension: two output pixels at a time are gathered, widened to int16 and multiplied with every
 * filter by ep_gemm_2x4.h. */
#ifndef EP_CONV_2D_GEMM_H
#define EP_CONV_2D_GEMM_H

#include "ep_gemm_2x4.h"
#include "ep_gather_rows.h"
#include "ep_widen_two.h"

struct ep_conv_2d_gemm {
    int32_t batches;
    int32_t in_h, in_w, in_c;
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t dilation_h, dilation_w;
    int32_t pad_top, pad_left;
    int32_t last_y, last_x; /* the last position of a window that is inside the input */
    int32_t in_zero;
    int32_t depth;         /* values of a filter, rounded up to 4 */
    int32_t direct;        /* 1: rows of the kernel are whole words in the input */
    int32_t whole;         /* words of the stream for whole groups of four channels */
    int32_t all;           /* words of the stream */
    const int32_t *stream; /* see ep_gemm.h; filters padded with zeros to `depth`, channels to 4 */
};

/* One output pixel's window: the input position of its corner and the offset there, perhaps outside; the output column. */
struct ep_conv_2d_gemm_window {
    int32_t y, x, corner, column;
};

EP_INLINE void ep_conv_2d_gemm_next(const struct ep_conv_2d_gemm *op, struct ep_conv_2d_gemm_window *window)
{
    window->x += op->stride_w;
    window->corner += op->stride_w * op->in_c;
    if (++window->column == op->out_w) {
        window->corner += (op->stride_h * op->in_w - op->out_w * op->stride_w) * op->in_c;
        window->y += op->stride_h;
        window->x = -op->pad_left;
        window->column = 0;
    }
}

EP_INLINE int ep_conv_2d_gemm_inside(const struct ep_conv_2d_gemm *op, const struct ep_conv_2d_gemm_window *window)
{
    return window->x >= 0 && window->x <= op->last_x && window->y >= 0 && window->y <= op->last_y;
}

/* The first tap inside the input and the number of taps inside, for `taps` taps from `position` on. */
EP_INLINE void ep_conv_2d_gemm_clip(int32_t position, int32_t taps, int32_t dilation, int32_t extent, int32_t *first, int32_t *count)
{
    int32_t tap = 0;
    while (tap < taps && position + tap * dilation < 0) {
        tap++;
    }
    *first = tap;
    while (tap < taps && position + tap * dilation < extent) {
        tap++;
    }
    *count = tap - *first;
}

/* Put a window's bytes together, zero points where it is outside the input. */
static void ep_conv_2d_gemm_gather(const struct ep_conv_2d_gemm *op, const int8_t *input, const struct ep_conv_2d_gemm_window *window,
                                   int8_t *to)
{
    const int32_t row = op->kernel_w * op->in_c, line = op->dilation_h * op->in_w * op->in_c;
    int32_t rows = op->kernel_h, taps = op->kernel_w, from = window->corner;
    if (!ep_conv_2d_gemm_inside(op, window)) {
        int32_t first_row, first_tap;
        memset(to, op->in_zero, (size_t)(op->kernel_h * row));
        ep_conv_2d_gemm_clip(window->y, op->kernel_h, op->dilation_h, op->in_h, &first_row, &rows);
        ep_conv_2d_gemm_clip(window->x, op->kernel_w, op->dilation_w, op->in_w, &first_tap, &taps);
        to += first_row * row + first_tap * op->in_c;
        from += first_row * line + first_tap * op->dilation_w * op->in_c;
    }
    if (op->dilation_w == 1) {
        ep_gather_rows(to, input + from, taps * op->in_c, rows, row, line);
        return;
    }
    for (; rows > 0; rows--, to += row, from += line) {
        ep_gather_rows(to, input + from, op->in_c, taps, op->in_c, op->dilation_w * op->in_c);
    }
}

EP_KERNEL void ep_conv_2d_gemm(const struct ep_conv_2d_gemm *op, const int8_t *input, int8_t *output, void *scratch)
{
    const int32_t row = op->kernel_w * op->in_c, pixels = op->out_h * op->out_w, depth = op->depth;
    const int32_t *const whole = op->stream + op->whole, *const end = op->stream + op->all;
    int32_t *const x = (int32_t *)scratch;
    int8_t *const column_a = (int8_t *)(x + depth), *const column_b = column_a + depth, *const rest = column_b + depth;
    int32_t batch, pixel, c;
    memset(column_a, 0, (size_t)(2 * depth));
    for (batch = 0; batch < op->batches; batch++, input += op->in_h * op->in_w * op->in_c) {
        struct ep_conv_2d_gemm_window a, b;
        b.y = -op->pad_top;
        b.x = -op->pad_left;
        b.column = 0;
        b.corner = -(op->pad_top * op->in_w + op->pad_left) * op->in_c;
        for (pixel = 0; pixel < pixels; pixel += 2) {
            int8_t *second = output;
            a = b;
            if (pixel + 1 < pixels) {
                ep_conv_2d_gemm_next(op, &b);
                second += op->out_c;
            }
            if (op->direct != 0 && ep_conv_2d_gemm_inside(op, &a) && ep_conv_2d_gemm_inside(op, &b)) {
                ep_widen_two(x, input + a.corner, input + b.corner, row >> 2, op->kernel_h, op->dilation_h * op->in_w * op->in_c - row);
            } else {
                ep_conv_2d_gemm_gather(op, input, &a, column_a);
                ep_conv_2d_gemm_gather(op, input, &b, column_b);
                ep_widen_two(x, column_a, column_b, depth >> 2, 1, 0);
            }
            ep_conv_2d_gemm_next(op, &b);
            if (whole != op->stream) {
                ep_gemm_2x4(x, depth >> 1, output, second, op->stream, whole);
            }
            if (whole != end) {
                ep_gemm_2x4(x, depth >> 1, rest, rest + 4, whole, end);
                for (c = op->out_c & ~3; c < op->out_c; c++) {
                    output[c] = rest[c & 3];
                    second[c] = rest[4 + (c & 3)];
                }
            }
            output = second + op->out_c;
        }
    }
}

#endif
