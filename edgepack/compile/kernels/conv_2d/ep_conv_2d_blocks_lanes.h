/* CONV_2D, int8, for cores without SIMD, with weights of which only blocks of four that are not zero are there: as
 * ep_conv_2d_lanes.h, but with ep_gemm_blocks_lanes.h. */
#ifndef EP_CONV_2D_BLOCKS_LANES_H
#define EP_CONV_2D_BLOCKS_LANES_H

#include "ep_conv_2d_lanes_pixels.h"
#include "ep_gemm_blocks_lanes.h"

struct ep_conv_2d_blocks_lanes {
    struct ep_conv_2d_lanes lanes; /* without weights */
    const int32_t *stream;         /* see ep_gemm_blocks_lanes.h; filters padded with zeros to `depth` */
};

EP_KERNEL void ep_conv_2d_blocks_lanes(const struct ep_conv_2d_blocks_lanes *op, const int8_t *input, int8_t *output, void *scratch)
{
    const struct ep_conv_2d_lanes *const lanes = &op->lanes;
    const struct ep_conv_windows *const windows = &lanes->windows;
    const int32_t pixels = windows->out_h * windows->out_w, channels = windows->out_c;
    int32_t *const x = (int32_t *)scratch, *const sums = x + lanes->depth;
    int8_t *const column_a = (int8_t *)(sums + 2 * channels), *const column_b = column_a + lanes->depth;
    int32_t batch, pixel;
    memset(x, 0, (size_t)lanes->depth * sizeof *x);
    for (batch = 0; batch < windows->batches; batch++, input += windows->in_h * windows->in_w * windows->in_c) {
        struct ep_conv_window a, b;
        ep_conv_window_first(windows, &b);
        for (pixel = 0; pixel < pixels; pixel += 2) {
            int8_t *second = output;
            a = b;
            if (pixel + 1 < pixels) {
                ep_conv_window_next(windows, &b);
                second += lanes->out_step;
            }
            ep_conv_2d_lanes_pack(lanes, input, &a, &b, x, column_a, column_b);
            ep_conv_window_next(windows, &b);
            ep_gemm_blocks_lanes(x, op->stream, sums, channels);
            ep_conv_2d_lanes_store(lanes, sums, output, second);
            output = second + lanes->out_step;
        }
    }
}

#endif
