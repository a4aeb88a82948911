/* CONV_2D, int8, the readable definition: any kernel size, stride, dilation, padding and number of groups.
 *
 * For each output pixel and group, the patch of input under the kernel is laid out in `scratch`, then multiplied with each
 * filter. The input's zero point is folded into the bias, so positions outside the input hold the zero point. */
#ifndef EP_CONV_2D_H
#define EP_CONV_2D_H

#include "ep_fixed_point.h"

struct ep_conv_2d {
    EP_SIZE batches;
    EP_SIZE in_h, in_w, in_c;
    EP_SIZE out_h, out_w;
    EP_SIZE kernel_h, kernel_w;
    EP_SIZE stride_h, stride_w;
    EP_SIZE dilation_h, dilation_w;
    EP_SIZE pad_top, pad_left;
    EP_SIZE out_step; /* from an output pixel to the next: out_c, or more where this computes some of the channels */
    EP_SIZE groups, group_in, group_out; /* groups of channels; input and output channels of one */
    EP_SIZE in_zero, out_zero, out_min, out_max;
    const int8_t *weights;     /* [out_c][kernel_h][kernel_w][group_in] */
    const int32_t *bias;       /* [out_c], input zero point folded in */
    const int32_t *multiplier; /* [out_c] */
    const int8_t *shift;       /* [out_c] */
};

/* The patch whose corner is at input position (y, x), possibly outside; `input` is at the group's first channel. */
EP_INLINE void ep_conv_2d_gather(const struct ep_conv_2d *op, const int8_t *input, int32_t y, int32_t x, int8_t *patch)
{
    int32_t ky, kx;
    for (ky = 0; ky < op->kernel_h; ky++) {
        const int32_t in_y = y + ky * op->dilation_h;
        for (kx = 0; kx < op->kernel_w; kx++, patch += op->group_in) {
            const int32_t in_x = x + kx * op->dilation_w;
            if (in_y >= 0 && in_y < op->in_h && in_x >= 0 && in_x < op->in_w) {
                memcpy(patch, input + (in_y * op->in_w + in_x) * op->in_c, (size_t)op->group_in);
            } else {
                memset(patch, op->in_zero, (size_t)op->group_in);
            }
        }
    }
}

/* One patch times the filters of one group, from output channel `first` on. */
EP_INLINE void ep_conv_2d_filters(const struct ep_conv_2d *op, const int8_t *patch, int32_t first, int8_t *output)
{
    const int32_t size = op->kernel_h * op->kernel_w * op->group_in;
    const int8_t *w = op->weights + first * size;
    int32_t channel, k;
    for (channel = first; channel < first + op->group_out; channel++, w += size) {
        int32_t acc = op->bias[channel];
        for (k = 0; k < size; k++) {
            acc += patch[k] * w[k];
        }
        acc = op->out_zero + ep_requantize(acc, op->multiplier[channel], op->shift[channel]);
        *output++ = (int8_t)ep_clamp(acc, op->out_min, op->out_max);
    }
}

EP_KERNEL void ep_conv_2d(const struct ep_conv_2d *op, const int8_t *input, int8_t *output, void *scratch)
{
    int8_t *const patch = (int8_t *)scratch;
    int32_t batch, oy, ox, group;
    for (batch = 0; batch < op->batches; batch++, input += op->in_h * op->in_w * op->in_c) {
        for (oy = 0; oy < op->out_h; oy++) {
            for (ox = 0; ox < op->out_w; ox++) {
                const int32_t y = oy * op->stride_h - op->pad_top;
                const int32_t x = ox * op->stride_w - op->pad_left;
                for (group = 0; group < op->groups; group++) {
                    ep_conv_2d_gather(op, input + group * op->group_in, y, x, patch);
                    ep_conv_2d_filters(op, patch, group * op->group_out, output + group * op->group_out);
                }
                output += op->out_step;
            }
        }
    }
}

#endif
