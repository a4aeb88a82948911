/* DEPTHWISE_CONV_2D, int8, whose weights have a zero point, as those of a uint8 model: else as ep_depthwise_conv_2d.h. */
#ifndef EP_DEPTHWISE_CONV_2D_WIDE_H
#define EP_DEPTHWISE_CONV_2D_WIDE_H

#include "ep_fixed_point.h"

struct ep_depthwise_conv_2d_wide {
    int32_t batches;
    int32_t in_h, in_w, in_c;
    int32_t out_h, out_w;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t dilation_h, dilation_w;
    int32_t pad_top, pad_left;
    int32_t depth; /* output channels of each input channel */
    int32_t in_zero, out_zero, out_min, out_max;
    int32_t weight_zero;       /* of the stored bytes: weights are what they are above it */
    const int8_t *weights;     /* [kernel_h][kernel_w][in_c][depth] */
    const int32_t *bias;       /* [in_c][depth], input zero point folded in */
    const int32_t *multiplier; /* [in_c][depth] */
    const int8_t *shift;       /* [in_c][depth] */
};

/* The patch whose corner is at input position (y, x), possibly outside. */
EP_INLINE void ep_depthwise_conv_2d_wide_gather(const struct ep_depthwise_conv_2d_wide *op, const int8_t *input, int32_t y, int32_t x,
                                           int8_t *patch)
{
    int32_t ky, kx;
    for (ky = 0; ky < op->kernel_h; ky++) {
        const int32_t in_y = y + ky * op->dilation_h;
        for (kx = 0; kx < op->kernel_w; kx++, patch += op->in_c) {
            const int32_t in_x = x + kx * op->dilation_w;
            if (in_y >= 0 && in_y < op->in_h && in_x >= 0 && in_x < op->in_w) {
                memcpy(patch, input + (in_y * op->in_w + in_x) * op->in_c, (size_t)op->in_c);
            } else {
                memset(patch, op->in_zero, (size_t)op->in_c);
            }
        }
    }
}

/* One channel of the patch times one of its filters, `channel` counting filters. */
EP_INLINE int8_t ep_depthwise_conv_2d_wide_filter(const struct ep_depthwise_conv_2d_wide *op, const int8_t *x, int32_t channel)
{
    const int32_t taps = op->kernel_h * op->kernel_w, step = op->in_c * op->depth;
    const int8_t *w = op->weights + channel;
    int32_t acc = op->bias[channel];
    int32_t t;
    for (t = 0; t < taps; t++, x += op->in_c, w += step) {
        acc += *x * (*w - op->weight_zero);
    }
    acc = op->out_zero + ep_requantize(acc, op->multiplier[channel], op->shift[channel]);
    return (int8_t)ep_clamp(acc, op->out_min, op->out_max);
}

EP_KERNEL void ep_depthwise_conv_2d_wide(const struct ep_depthwise_conv_2d_wide *op, const int8_t *input, int8_t *output, void *scratch)
{
    int8_t *const patch = (int8_t *)scratch;
    int32_t batch, oy, ox, c, m;
    for (batch = 0; batch < op->batches; batch++, input += op->in_h * op->in_w * op->in_c) {
        for (oy = 0; oy < op->out_h; oy++) {
            for (ox = 0; ox < op->out_w; ox++) {
                const int32_t y = oy * op->stride_h - op->pad_top;
                const int32_t x = ox * op->stride_w - op->pad_left;
                ep_depthwise_conv_2d_wide_gather(op, input, y, x, patch);
                for (c = 0; c < op->in_c; c++) {
                    for (m = 0; m < op->depth; m++) {
                        *output++ = ep_depthwise_conv_2d_wide_filter(op, patch + c, c * op->depth + m);
                    }
                }
            }
        }
    }
}

#endif
