/* DEPTHWISE_CONV_2D, int8, the readable definition: each input channel has `multiplier_c` filters of its own.
 *
 * The input's zero point is folded into the bias, so a position outside the input counts as the zero point. */
#ifndef EP_DEPTHWISE_CONV_2D_H
#define EP_DEPTHWISE_CONV_2D_H

#include "ep_fixed_point.h"

struct ep_depthwise_conv_2d {
    int32_t batches;
    int32_t in_h, in_w, in_c;
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t dilation_h, dilation_w;
    int32_t pad_top, pad_left;
    int32_t multiplier_c; /* output channels of each input channel */
    int32_t in_zero, out_zero, out_min, out_max;
    const int8_t *weights;     /* [kernel_h][kernel_w][out_c] */
    const int32_t *bias;       /* [out_c], input zero point folded in */
    const int32_t *multiplier; /* [out_c] */
    const int8_t *shift;       /* [out_c] */
};

/* One output channel at one position; (y, x) is the input position of the kernel's corner, possibly outside. */
EP_INLINE int32_t ep_depthwise_conv_2d_dot(const struct ep_depthwise_conv_2d *op, const int8_t *input, int32_t y, int32_t x,
                                           int32_t channel)
{
    const int8_t *w = op->weights + channel;
    const int8_t *plane = input + channel / op->multiplier_c;
    int32_t acc = op->bias[channel];
    int32_t ky, kx;
    for (ky = 0; ky < op->kernel_h; ky++) {
        const int32_t in_y = y + ky * op->dilation_h;
        for (kx = 0; kx < op->kernel_w; kx++, w += op->out_c) {
            const int32_t in_x = x + kx * op->dilation_w;
            const int inside = in_y >= 0 && in_y < op->in_h && in_x >= 0 && in_x < op->in_w;
            acc += (inside ? plane[(in_y * op->in_w + in_x) * op->in_c] : op->in_zero) * *w;
        }
    }
    return acc;
}

EP_KERNEL void ep_depthwise_conv_2d(const struct ep_depthwise_conv_2d *op, const int8_t *input, int8_t *output)
{
    int32_t batch, oy, ox, oc;
    for (batch = 0; batch < op->batches; batch++, input += op->in_h * op->in_w * op->in_c) {
        for (oy = 0; oy < op->out_h; oy++) {
            for (ox = 0; ox < op->out_w; ox++) {
                const int32_t y = oy * op->stride_h - op->pad_top;
                const int32_t x = ox * op->stride_w - op->pad_left;
                for (oc = 0; oc < op->out_c; oc++) {
                    const int32_t acc = ep_depthwise_conv_2d_dot(op, input, y, x, oc);
                    const int32_t q = op->out_zero + ep_requantize(acc, op->multiplier[oc], op->shift[oc]);
                    *output++ = (int8_t)ep_clamp(q, op->out_min, op->out_max);
                }
            }
        }
    }
}

#endif
