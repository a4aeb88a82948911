/* CONV_2D, int16 activations and int8 weights: any kernel size, stride, dilation, padding and number of groups.
 *
 * For each output pixel and group, the patch of input under the kernel is laid out in `scratch`, then multiplied with each
 * filter. Zero points are 0, so positions outside the input hold 0. */
#ifndef EP_CONV_2D_INT16_H
#define EP_CONV_2D_INT16_H

#include "ep_fixed_point_64.h"

struct ep_conv_2d_int16 {
    int32_t batches;
    int32_t in_h, in_w, in_c;
    int32_t out_h, out_w;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t dilation_h, dilation_w;
    int32_t pad_top, pad_left;
    int32_t groups, group_in, group_out; /* groups of channels; input and output channels of one */
    int32_t wide, out_min, out_max;      /* wide: 64-bit accumulators */
    const int8_t *weights;               /* [out_c][kernel_h][kernel_w][group_in] */
    const int64_t *bias;                 /* [out_c] */
    const int32_t *multiplier;           /* [out_c]; 16 bits when wide */
    const int8_t *shift;                 /* [out_c] */
};

/* The patch whose corner is at input position (y, x), possibly outside; `input` is at the group's first channel. */
EP_INLINE void ep_conv_2d_int16_gather(const struct ep_conv_2d_int16 *op, const int16_t *input, int32_t y, int32_t x,
                                       int16_t *patch)
{
    const size_t bytes = (size_t)op->group_in * sizeof(int16_t);
    int32_t ky, kx;
    for (ky = 0; ky < op->kernel_h; ky++) {
        const int32_t in_y = y + ky * op->dilation_h;
        for (kx = 0; kx < op->kernel_w; kx++, patch += op->group_in) {
            const int32_t in_x = x + kx * op->dilation_w;
            if (in_y >= 0 && in_y < op->in_h && in_x >= 0 && in_x < op->in_w) {
                memcpy(patch, input + (in_y * op->in_w + in_x) * op->in_c, bytes);
            } else {
                memset(patch, 0, bytes);
            }
        }
    }
}

EP_KERNEL void ep_conv_2d_int16(const struct ep_conv_2d_int16 *op, const int16_t *input, int16_t *output, void *scratch)
{
    const int32_t size = op->kernel_h * op->kernel_w * op->group_in;
    int16_t *const patch = (int16_t *)scratch;
    int32_t batch, oy, ox, group, channel;
    for (batch = 0; batch < op->batches; batch++, input += op->in_h * op->in_w * op->in_c) {
        for (oy = 0; oy < op->out_h; oy++) {
            for (ox = 0; ox < op->out_w; ox++) {
                const int32_t y = oy * op->stride_h - op->pad_top;
                const int32_t x = ox * op->stride_w - op->pad_left;
                for (group = 0; group < op->groups; group++) {
                    const int32_t first = group * op->group_out;
                    ep_conv_2d_int16_gather(op, input + group * op->group_in, y, x, patch);
                    for (channel = first; channel < first + op->group_out; channel++) {
                        const int64_t acc = op->bias[channel] + ep_dot_int16(patch, op->weights + channel * size, size);
                        const int32_t q = ep_requantize_int16(acc, op->multiplier[channel], op->shift[channel], op->wide);
                        *output++ = (int16_t)ep_clamp(q, op->out_min, op->out_max);
                    }
                }
            }
        }
    }
}

#endif
