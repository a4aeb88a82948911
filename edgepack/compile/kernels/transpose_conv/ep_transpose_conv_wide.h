/* TRANSPOSE_CONV, int8, whose weights have a zero point, as those of a uint8 model: else as ep_transpose_conv.h. */
#ifndef EP_TRANSPOSE_CONV_WIDE_H
#define EP_TRANSPOSE_CONV_WIDE_H

#include "ep_fixed_point.h"

struct ep_transpose_conv_wide {
    int32_t batches;
    int32_t in_h, in_w, in_c;
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left;
    int32_t in_zero, out_zero, out_min, out_max;
    int32_t weight_zero;       /* of the stored bytes: weights are what they are above it */
    const int8_t *weights;     /* [out_c][kernel_h][kernel_w][in_c] */
    const int32_t *bias;       /* [out_c] */
    const int32_t *multiplier; /* [out_c] */
    const int8_t *shift;       /* [out_c] */
};

/* The sum for output position (y, x), counted with the padding, of the filter `weights`. */
EP_INLINE int32_t ep_transpose_conv_wide_sum(const struct ep_transpose_conv_wide *op, const int8_t *input, const int8_t *weights,
                                             int32_t y, int32_t x)
{
    int32_t sum = 0, ky, kx, iy, ix, c;
    for (ky = y % op->stride_h, iy = y / op->stride_h; ky < op->kernel_h && iy >= 0; ky += op->stride_h, iy--) {
        if (iy >= op->in_h) {
            continue;
        }
        for (kx = x % op->stride_w, ix = x / op->stride_w; kx < op->kernel_w && ix >= 0; kx += op->stride_w, ix--) {
            if (ix < op->in_w) {
                const int8_t *const pixel = input + (iy * op->in_w + ix) * op->in_c;
                const int8_t *const filter = weights + (ky * op->kernel_w + kx) * op->in_c;
                for (c = 0; c < op->in_c; c++) {
                    sum += (pixel[c] - op->in_zero) * (filter[c] - op->weight_zero);
                }
            }
        }
    }
    return sum;
}

EP_KERNEL void ep_transpose_conv_wide(const struct ep_transpose_conv_wide *op, const int8_t *input, int8_t *output)
{
    const int32_t filter = op->kernel_h * op->kernel_w * op->in_c;
    int32_t batch, oy, ox, channel;
    for (batch = 0; batch < op->batches; batch++, input += op->in_h * op->in_w * op->in_c) {
        for (oy = 0; oy < op->out_h; oy++) {
            for (ox = 0; ox < op->out_w; ox++) {
                for (channel = 0; channel < op->out_c; channel++) {
                    const int8_t *const weights = op->weights + channel * filter;
                    int32_t acc = op->bias[channel];
                    acc += ep_transpose_conv_wide_sum(op, input, weights, oy + op->pad_top, ox + op->pad_left);
                    acc = op->out_zero + ep_requantize(acc, op->multiplier[channel], op->shift[channel]);
                    *output++ = (int8_t)ep_clamp(acc, op->out_min, op->out_max);
                }
            }
        }
    }
}

#endif
