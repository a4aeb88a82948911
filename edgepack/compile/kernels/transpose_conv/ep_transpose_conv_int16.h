/* TRANSPOSE_CONV, int16 activations and int8 weights, read from the output's side: an output pixel sums the input pixels whose
 * kernel, laid out `stride` apart, covers it. Zero points are 0. */
#ifndef EP_TRANSPOSE_CONV_INT16_H
#define EP_TRANSPOSE_CONV_INT16_H

#include "ep_fixed_point_64.h"

struct ep_transpose_conv_int16 {
    int32_t batches;
    int32_t in_h, in_w, in_c;
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left;
    int32_t wide, out_min, out_max; /* wide: 64-bit accumulators */
    const int8_t *weights;          /* [out_c][kernel_h][kernel_w][in_c] */
    const int64_t *bias;            /* [out_c] */
    const int32_t *multiplier;      /* [out_c]; 16 bits when wide */
    const int8_t *shift;            /* [out_c] */
};

/* The input position whose kernel element k falls on output position `out`, or -1 if there is none. */
EP_INLINE int32_t ep_transpose_conv_int16_source(int32_t out, int32_t k, int32_t stride, int32_t size)
{
    const int32_t distance = out - k;
    if (distance < 0 || distance % stride != 0 || distance / stride >= size) {
        return -1;
    }
    return distance / stride;
}

EP_INLINE int64_t ep_transpose_conv_int16_sum(const struct ep_transpose_conv_int16 *op, const int16_t *input, int32_t y,
                                              int32_t x, const int8_t *weights)
{
    int64_t acc = 0;
    int32_t ky, kx;
    for (ky = 0; ky < op->kernel_h; ky++) {
        const int32_t in_y = ep_transpose_conv_int16_source(y, ky, op->stride_h, op->in_h);
        for (kx = 0; kx < op->kernel_w; kx++, weights += op->in_c) {
            const int32_t in_x = ep_transpose_conv_int16_source(x, kx, op->stride_w, op->in_w);
            if (in_y >= 0 && in_x >= 0) {
                acc += ep_dot_int16(input + (in_y * op->in_w + in_x) * op->in_c, weights, op->in_c);
            }
        }
    }
    return acc;
}

EP_KERNEL void ep_transpose_conv_int16(const struct ep_transpose_conv_int16 *op, const int16_t *input, int16_t *output)
{
    const int32_t size = op->kernel_h * op->kernel_w * op->in_c;
    int32_t batch, oy, ox, channel;
    for (batch = 0; batch < op->batches; batch++, input += op->in_h * op->in_w * op->in_c) {
        for (oy = 0; oy < op->out_h; oy++) {
            for (ox = 0; ox < op->out_w; ox++) {
                for (channel = 0; channel < op->out_c; channel++) {
                    const int8_t *const w = op->weights + channel * size;
                    const int64_t acc =
                        op->bias[channel] + ep_transpose_conv_int16_sum(op, input, oy + op->pad_top, ox + op->pad_left, w);
                    const int32_t q = ep_requantize_int16(acc, op->multiplier[channel], op->shift[channel], op->wide);
                    *output++ = (int16_t)ep_clamp(q, op->out_min, op->out_max);
                }
            }
        }
    }
}

#endif
