/* DEPTHWISE_CONV_2D, int8, the readable definition: each input channel has `depth` filters of its own.
 *
 * For each output pixel, the patch of input under the kernel is laid out in `scratch`, then each channel of it multiplied with
 * its filters. The input's zero point is folded into the bias, so positions outside the input hold the zero point. */
#ifndef EP_DEPTHWISE_CONV_2D_H
#define EP_DEPTHWISE_CONV_2D_H

#include "ep_fixed_point.h"

struct ep_depthwise_conv_2d {
    EP_SIZE batches;
    EP_SIZE in_h, in_w, in_c;
    EP_SIZE out_h, out_w;
    EP_SIZE kernel_h, kernel_w;
    EP_SIZE stride_h, stride_w;
    EP_SIZE dilation_h, dilation_w;
    EP_SIZE pad_top, pad_left;
    EP_SIZE depth; /* output channels of each input channel */
    EP_SIZE in_zero, out_zero, out_min, out_max;
    const int8_t *weights;     /* [kernel_h][kernel_w][in_c][depth] */
    const int32_t *bias;       /* [in_c][depth], input zero point folded in */
    const int32_t *multiplier; /* [in_c][depth] */
    const int8_t *shift;       /* [in_c][depth] */
};

/* The patch whose corner is at input position (y, x), possibly outside. */
EP_INLINE void ep_depthwise_conv_2d_gather(const struct ep_depthwise_conv_2d *op, const int8_t *input, int32_t y, int32_t x,
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
EP_INLINE int8_t ep_depthwise_conv_2d_filter(const struct ep_depthwise_conv_2d *op, const int8_t *x, int32_t channel)
{
    const int32_t taps = op->kernel_h * op->kernel_w, step = op->in_c * op->depth;
    const int8_t *w = op->weights + channel;
    int32_t acc = op->bias[channel];
    int32_t t;
    for (t = 0; t < taps; t++, x += op->in_c, w += step) {
        acc += *x * *w;
    }
    acc = op->out_zero + ep_requantize(acc, op->multiplier[channel], op->shift[channel]);
    return (int8_t)ep_clamp(acc, op->out_min, op->out_max);
}

EP_KERNEL void ep_depthwise_conv_2d(const struct ep_depthwise_conv_2d *op, const int8_t *input, int8_t *output, void *scratch)
{
    int8_t *const patch = (int8_t *)scratch;
    int32_t batch, oy, ox, c, m;
    for (batch = 0; batch < op->batches; batch++, input += op->in_h * op->in_w * op->in_c) {
        for (oy = 0; oy < op->out_h; oy++) {
            for (ox = 0; ox < op->out_w; ox++) {
                const int32_t y = oy * op->stride_h - op->pad_top;
                const int32_t x = ox * op->stride_w - op->pad_left;
                ep_depthwise_conv_2d_gather(op, input, y, x, patch);
                for (c = 0; c < op->in_c; c++) {
                    for (m = 0; m < op->depth; m++) {
                        *output++ = ep_depthwise_conv_2d_filter(op, patch + c, c * op->depth + m);
                    }
                }
            }
        }
    }
}

#endif
