/* CONV_2D, int8, for the DSP extension: four output pixels at a time, one output channel after another.
 *
 * The four patches are widened once to int16 and interleaved, in the order SXTB16 gives (bytes 0 and 2, then 1 and 3), so
 * that weights are unpacked without reordering. Inner loop, for 16 multiply-accumulates: 1 load and 2 SXTB16 of weights, 8
 * words of pixels, 8 SMLAD. `scratch` holds the interleaved patches (8 bytes an element) and one patch in bytes.
 *
 * Where weights have a zero point, as those of a uint8 model, it is taken off at once: times the sum of the patch. */
#ifndef EP_CONV_2D_DSP_H
#define EP_CONV_2D_DSP_H

#include "ep_requantize_any.h"

struct ep_conv_2d_dsp {
    EP_SIZE in_h, in_w, in_c;
    EP_SIZE out_w, out_c, pixels; /* pixels: out_h * out_w */
    EP_SIZE kernel_h, kernel_w;
    EP_SIZE stride_h, stride_w;
    EP_SIZE dilation_h, dilation_w;
    EP_SIZE pad_top, pad_left;
    EP_SIZE run;   /* bytes of a kernel row that are contiguous in the input: kernel_w * in_c, or in_c when dilated */
    EP_SIZE quads; /* patch elements / 4, rounded up */
    EP_SIZE out_step; /* from an output pixel to the next: out_c, or more where this computes some of the channels */
    EP_SIZE in_zero, out_zero, out_min, out_max;
    EP_SIZE weight_zero;       /* of the stored bytes: weights are what they are above it */
    const int8_t *weights;     /* [out_c][4 * quads], zeros after the last element */
    const int32_t *bias;       /* [out_c], input zero point folded in */
    const int32_t *multiplier; /* [out_c] */
    const int8_t *right;       /* [out_c], right shift, or negative: left shift */
    int32_t any;               /* 1: some right shift is not 1 to 22 */
};

/* Widen `count` bytes (a multiple of 4) into one of four interleaved patches. */
EP_INLINE uint32_t *ep_conv_2d_dsp_widen(const int8_t *bytes, int32_t count, uint32_t *patch)
{
    const int8_t *const end = bytes + count;
    for (; bytes < end; bytes += 4, patch += 8) {
        const uint32_t word = ep_load4(bytes);
        patch[0] = ep_sxtb16(word);
        patch[1] = ep_sxtb16_odd(word);
    }
    return patch;
}

/* The patch of the kernel at input position (y, x) in bytes, zero points where it lies outside. */
EP_INLINE void ep_conv_2d_dsp_gather(const struct ep_conv_2d_dsp *op, const int8_t *input, int32_t y, int32_t x, int8_t *patch)
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

/* Widen the patch of one output pixel, straight from the input where it lies inside and its rows are whole words. */
EP_INLINE void ep_conv_2d_dsp_patch(const struct ep_conv_2d_dsp *op, const int8_t *input, int32_t pixel, uint32_t *patch,
                                    int8_t *bytes)
{
    const int32_t y = pixel / op->out_w * op->stride_h - op->pad_top;
    const int32_t x = pixel % op->out_w * op->stride_w - op->pad_left;
    const int32_t last_y = y + (op->kernel_h - 1) * op->dilation_h;
    const int32_t last_x = x + (op->kernel_w - 1) * op->dilation_w;
    if (op->run % 4 != 0 || y < 0 || x < 0 || last_y >= op->in_h || last_x >= op->in_w) {
        ep_conv_2d_dsp_gather(op, input, y, x, bytes);
        (void)ep_conv_2d_dsp_widen(bytes, 4 * op->quads, patch);
    } else {
        const int32_t runs = op->kernel_w * op->in_c / op->run;
        int32_t ky, k;
        for (ky = 0; ky < op->kernel_h; ky++) {
            const int8_t *const row = input + ((y + ky * op->dilation_h) * op->in_w + x) * op->in_c;
            for (k = 0; k < runs; k++) {
                patch = ep_conv_2d_dsp_widen(row + k * op->dilation_w * op->in_c, op->run, patch);
            }
        }
    }
}

/* What the zero point of the weights adds to the sums of each of the four patches. */
EP_INLINE void ep_conv_2d_dsp_excess(const struct ep_conv_2d_dsp *op, const uint32_t *patches, int32_t *excess)
{
    int32_t lane, word;
    for (lane = 0; lane < 4; lane++) {
        excess[lane] = 0;
        for (word = 0; op->weight_zero != 0 && word < 2 * op->quads; word++) {
            excess[lane] = ep_smlad(patches[2 * lane + word / 2 * 8 + word % 2], 0x00010001u, excess[lane]);
        }
        excess[lane] = ep_multiply_wrapped(excess[lane], op->weight_zero);
    }
}

EP_INLINE void ep_conv_2d_dsp_run(const struct ep_conv_2d_dsp *op, const int8_t *input, int8_t *output, void *scratch, int any)
{
    uint32_t *const patches = (uint32_t *)scratch;
    int8_t *const bytes = (int8_t *)scratch + 32 * op->quads;
    int32_t pixel, lane, channel, quad, excess[4];
    memset(bytes, 0, (size_t)(4 * op->quads));
    for (pixel = 0; pixel < op->pixels; pixel += 4, output += 4 * op->out_step) {
        const int8_t *w = op->weights;
        const int32_t lanes = ep_min(op->pixels - pixel, 4);
        for (lane = 0; lane < 4; lane++) {
            ep_conv_2d_dsp_patch(op, input, pixel + ep_min(lane, lanes - 1), patches + 2 * lane, bytes);
        }
        ep_conv_2d_dsp_excess(op, patches, excess);
        for (channel = 0; channel < op->out_c; channel++) {
            const uint32_t *x = patches;
            const int32_t bias = op->bias[channel], multiplier = op->multiplier[channel], right = op->right[channel];
            int32_t acc[4];
            int32_t a0 = ep_subtract_wrapped(bias, excess[0]), a1 = ep_subtract_wrapped(bias, excess[1]);
            int32_t a2 = ep_subtract_wrapped(bias, excess[2]), a3 = ep_subtract_wrapped(bias, excess[3]);
            for (quad = op->quads; quad > 0; quad--, w += 4, x += 8) {
                const uint32_t word = ep_load4(w);
                const uint32_t even = ep_sxtb16(word), odd = ep_sxtb16_odd(word);
                a0 = ep_smlad(x[1], odd, ep_smlad(x[0], even, a0));
                a1 = ep_smlad(x[3], odd, ep_smlad(x[2], even, a1));
                a2 = ep_smlad(x[5], odd, ep_smlad(x[4], even, a2));
                a3 = ep_smlad(x[7], odd, ep_smlad(x[6], even, a3));
            }
            acc[0] = a0;
            acc[1] = a1;
            acc[2] = a2;
            acc[3] = a3;
            for (lane = 0; lane < lanes; lane++) {
                const int32_t q = ep_requantize_any(acc[lane], multiplier, right, op->out_zero, any);
                output[lane * op->out_step + channel] = (int8_t)ep_clamp(q, op->out_min, op->out_max);
            }
        }
    }
}

EP_KERNEL void ep_conv_2d_dsp(const struct ep_conv_2d_dsp *op, const int8_t *input, int8_t *output, void *scratch)
{
    if (op->any != 0) {
        ep_conv_2d_dsp_run(op, input, output, scratch, 1);
    } else {
        ep_conv_2d_dsp_run(op, input, output, scratch, 0);
    }
}

#endif
