/* CONV_2D, int8, for the DSP extension, with weights of which only blocks of four that are not zero are there: four output pixels
 * at a time are gathered, widened to int16 and multiplied with every filter's blocks by ep_gemm_blocks.h. */
#ifndef EP_CONV_2D_BLOCKS_H
#define EP_CONV_2D_BLOCKS_H

#include "ep_conv_window_gather.h"
#include "ep_gemm_blocks.h"
#include "ep_widen_four.h"

struct ep_conv_2d_blocks {
    struct ep_conv_windows windows;
    int32_t depth;         /* values of a filter, rounded up to 4 */
    int32_t direct;        /* 1: rows of the kernel are whole words in the input */
    int32_t words;         /* of the stream */
    int32_t out_step;      /* from an output pixel to the next: out_c, or more where this computes some of the channels */
    const int32_t *stream; /* see ep_gemm_blocks.h; filters padded with zeros to `depth` */
};

/* Widen the window of one of four pixels: straight from the input where it lies inside, else by way of `column`. */
EP_NOINLINE void ep_conv_2d_blocks_one(const struct ep_conv_2d_blocks *op, const int8_t *input, const struct ep_conv_window *window,
                                       int32_t *x, int8_t *column)
{
    const struct ep_conv_windows *const windows = &op->windows;
    const int32_t row = windows->kernel_w * windows->in_c, line = windows->dilation_h * windows->in_w * windows->in_c;
    if (op->direct != 0 && ep_conv_window_inside(windows, window)) {
        const int8_t *from = input + window->corner;
        int32_t rows;
        for (rows = windows->kernel_h; rows > 0; rows--, from += line) {
            x = ep_widen_one_of_four(x, from, row >> 2);
        }
    } else {
        ep_conv_window_gather(windows, input, window, column);
        (void)ep_widen_one_of_four(x, column, op->depth >> 2);
    }
}

EP_KERNEL void ep_conv_2d_blocks(const struct ep_conv_2d_blocks *op, const int8_t *input, int8_t *output, void *scratch)
{
    const struct ep_conv_windows *const windows = &op->windows;
    const int32_t row = windows->kernel_w * windows->in_c, line = windows->dilation_h * windows->in_w * windows->in_c;
    const int32_t pixels = windows->out_h * windows->out_w, depth = op->depth;
    int32_t *const x = (int32_t *)scratch;
    int8_t *const column = (int8_t *)(x + 2 * depth);
    int32_t batch, pixel, lane;
    memset(column, 0, (size_t)depth);
    for (batch = 0; batch < windows->batches; batch++, input += windows->in_h * windows->in_w * windows->in_c) {
        struct ep_conv_window next;
        ep_conv_window_first(windows, &next);
        for (pixel = 0; pixel < pixels; pixel += 4) {
            struct ep_conv_window at[4];
            const int8_t *from[4];
            int8_t *to[4];
            int inside = op->direct;
            for (lane = 0; lane < 4; lane++) {
                if (pixel + lane < pixels) {
                    at[lane] = next;
                    to[lane] = output;
                    ep_conv_window_next(windows, &next);
                    output += op->out_step;
                } else { /* computed once more */
                    at[lane] = at[lane - 1];
                    to[lane] = to[lane - 1];
                }
                from[lane] = input + at[lane].corner;
                inside &= ep_conv_window_inside(windows, &at[lane]);
            }
            if (inside != 0) {
                ep_widen_four(x, from, row >> 2, windows->kernel_h, line - row);
            } else {
                for (lane = 0; lane < 4; lane++) {
                    ep_conv_2d_blocks_one(op, input, &at[lane], x + lane, column);
                }
            }
            ep_gemm_blocks(x, op->stream, op->stream + op->words, to);
        }
    }
}

#endif
