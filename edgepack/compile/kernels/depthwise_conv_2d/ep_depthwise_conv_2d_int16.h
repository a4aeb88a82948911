/* DEPTHWISE_CONV_2D, int16 activations and int8 weights: each input channel has `depth` filters of its own.
 *
 * Zero points are 0, so positions outside the input add nothing and are skipped. */
#ifndef EP_DEPTHWISE_CONV_2D_INT16_H
#define EP_DEPTHWISE_CONV_2D_INT16_H

#include "ep_fixed_point_64.h"

struct ep_depthwise_conv_2d_int16 {
    int32_t batches;
    int32_t in_h, in_w, in_c;
    int32_t out_h, out_w;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t dilation_h, dilation_w;
    int32_t pad_top, pad_left;
    int32_t depth;                  /* output channels of each input channel */
    int32_t wide, out_min, out_max; /* wide: 64-bit accumulators */
    const int8_t *weights;          /* [kernel_h][kernel_w][in_c][depth] */
    const int64_t *bias;            /* [in_c][depth] */
    const int32_t *multiplier;      /* [in_c][depth]; 16 bits when wide */
    const int8_t *shift;            /* [in_c][depth] */
};

/* One output channel of the pixel whose window's corner is at input position (y, x), possibly outside. */
EP_INLINE int16_t ep_depthwise_conv_2d_int16_one(const struct ep_depthwise_conv_2d_int16 *op, const int16_t *input, int32_t y,
                                                 int32_t x, int32_t channel)
{
    const int8_t *w = op->weights + channel;
    int64_t acc = op->bias[channel];
    int32_t ky, kx, q;
    input += channel / op->depth;
    for (ky = 0; ky < op->kernel_h; ky++) {
        const int32_t in_y = y + ky * op->dilation_h;
        for (kx = 0; kx < op->kernel_w; kx++, w += op->in_c * op->depth) {
            const int32_t in_x = x + kx * op->dilation_w;
            if (in_y >= 0 && in_y < op->in_h && in_x >= 0 && in_x < op->in_w) {
                acc += input[(in_y * op->in_w + in_x) * op->in_c] * *w;
            }
        }
    }
    q = ep_requantize_int16(acc, op->multiplier[channel], op->shift[channel], op->wide);
    return (int16_t)ep_clamp(q, op->out_min, op->out_max);
}

EP_KERNEL void ep_depthwise_conv_2d_int16(const struct ep_depthwise_conv_2d_int16 *op, const int16_t *input, int16_t *output)
{
    int32_t batch, oy, ox, channel;
    for (batch = 0; batch < op->batches; batch++, input += op->in_h * op->in_w * op->in_c) {
        for (oy = 0; oy < op->out_h; oy++) {
            for (ox = 0; ox < op->out_w; ox++) {
                const int32_t y = oy * op->stride_h - op->pad_top;
                const int32_t x = ox * op->stride_w - op->pad_left;
                for (channel = 0; channel < op->in_c * op->depth; channel++) {
                    *output++ = ep_depthwise_conv_2d_int16_one(op, input, y, x, channel);
                }
            }
        }
    }
}

#endif
