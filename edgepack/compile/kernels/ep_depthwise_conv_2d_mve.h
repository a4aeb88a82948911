/* DEPTHWISE_CONV_2D, int8, one filter a channel, for the vector extension: sixteen channels at a time, two taps at a time.
 *
 * The windows of a row of outputs are read from a strip (ep_strip_mve.h). Two products fit 16 bits (the compiler has checked the
 * weights), so pairs of taps are added there and then widened. */
#ifndef EP_DEPTHWISE_CONV_2D_MVE_H
#define EP_DEPTHWISE_CONV_2D_MVE_H

#include "ep_strip_mve.h"

struct ep_depthwise_conv_2d_mve {
    struct ep_strip_mve strip;
    int32_t batches, out_h, out_w;
    int32_t stride_h, pad_top;
    int32_t step;          /* bytes from one window to the next */
    int32_t pairs;         /* pairs of taps, rounded up */
    const int8_t *weights; /* [16 channels][tap][16], taps as [column][row] */
    struct ep_mve_outputs outputs;
};

#if EP_MVE

static void ep_depthwise_conv_2d_mve_pixel(const struct ep_depthwise_conv_2d_mve *op, const int8_t *window, int8_t *output)
{
    const int32_t channels = op->outputs.channels;
    const int32_t *constants = op->outputs.constants;
    const int8_t *w = op->weights;
    int32_t left, pair;
    for (left = channels; left > 0; left -= 16, window += 16, output += 16) {
        int32x4_t sums[4];
        const int8_t *x = window;
        sums[0] = sums[1] = sums[2] = sums[3] = vdupq_n_s32(0);
        for (pair = op->pairs; pair > 0; pair--) {
            const int8x16_t x0 = vldrbq_s8(x), w0 = vldrbq_s8(w);
            const int8x16_t x1 = vldrbq_s8(x + channels), w1 = vldrbq_s8(w + 16);
            const int16x8_t even = vaddq_s16(vmullbq_int_s8(x0, w0), vmullbq_int_s8(x1, w1));
            const int16x8_t odd = vaddq_s16(vmulltq_int_s8(x0, w0), vmulltq_int_s8(x1, w1));
            sums[0] = vaddq_s32(sums[0], vmovlbq_s16(even));
            sums[1] = vaddq_s32(sums[1], vmovlbq_s16(odd));
            sums[2] = vaddq_s32(sums[2], vmovltq_s16(even));
            sums[3] = vaddq_s32(sums[3], vmovltq_s16(odd));
            x += 2 * channels;
            w += 32;
        }
        vstrbq_p_s8(output, ep_mve_requantize(&op->outputs, sums, &constants), vctp8q((uint32_t)left));
    }
}

#else

static void ep_depthwise_conv_2d_mve_pixel(const struct ep_depthwise_conv_2d_mve *op, const int8_t *window, int8_t *output)
{
    const int32_t channels = op->outputs.channels;
    int32_t c, t;
    for (c = 0; c < channels; c++) {
        const int8_t *const w = op->weights + (c >> 4) * 32 * op->pairs + (c & 15);
        int32_t sum = 0;
        for (t = 0; t < 2 * op->pairs; t++) {
            sum += window[t * channels + c] * w[16 * t];
        }
        output[c] = ep_mve_output(&op->outputs, sum, c);
    }
}

#endif

EP_KERNEL void ep_depthwise_conv_2d_mve(const struct ep_depthwise_conv_2d_mve *op, const int8_t *input, int8_t *output, void *scratch)
{
    int8_t *const strip = (int8_t *)scratch;
    int32_t batch, row, pixel;
    memset(strip, op->strip.in_zero, (size_t)(ep_strip_mve_bytes(&op->strip) + op->strip.in_c + 16));
    for (batch = 0; batch < op->batches; batch++, input += op->strip.in_h * op->strip.in_w * op->strip.in_c) {
        for (row = 0; row < op->out_h; row++) {
            const int8_t *x = strip;
            ep_strip_mve(&op->strip, input, row * op->stride_h - op->pad_top, strip);
            for (pixel = 0; pixel < op->out_w; pixel++, x += op->step, output += op->strip.in_c) {
                ep_depthwise_conv_2d_mve_pixel(op, x, output);
            }
        }
    }
}

#endif
