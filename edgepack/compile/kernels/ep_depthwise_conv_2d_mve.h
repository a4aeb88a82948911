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

/* The sums of sixteen channels; `w` advances to the next channels' weights. In assembly, as compilers spill two of the eight vector
 * registers: four sums, products of even and of odd channels, a tap and its weights, read twice once. 22 instructions for
 * 32 multiply-accumulates. */
EP_INLINE void ep_depthwise_conv_2d_mve_taps(const int8_t *x, const int8_t **w, int32_t channels, int32_t pairs, int32x4_t sums[4])
{
    int32x4_t s0 = vdupq_n_s32(0), s1 = vdupq_n_s32(0), s2 = vdupq_n_s32(0), s3 = vdupq_n_s32(0);
    int8x16_t even, odd, tap, weight;
    const int8_t *weights = *w;
    __asm__("dls lr, %[pairs]\n"
            "1:\n"
            "vldrb.u8 %q[tap], [%[x]]\n"
            "vldrb.u8 %q[weight], [%[w]], #16\n"
            "vmullb.s8 %q[even], %q[tap], %q[weight]\n"
            "add %[x], %[channels]\n"
            "vmullt.s8 %q[odd], %q[tap], %q[weight]\n"
            "vldrb.u8 %q[tap], [%[x]]\n"
            "vldrb.u8 %q[weight], [%[w]], #16\n"
            "vmullb.s8 %q[tap], %q[tap], %q[weight]\n"
            "vadd.i16 %q[even], %q[even], %q[tap]\n"
            "vldrb.u8 %q[tap], [%[x]]\n"
            "vmullt.s8 %q[tap], %q[tap], %q[weight]\n"
            "add %[x], %[channels]\n"
            "vmovlb.s16 %q[weight], %q[even]\n"
            "vadd.i16 %q[odd], %q[odd], %q[tap]\n"
            "vadd.i32 %q[s0], %q[s0], %q[weight]\n"
            "vmovlb.s16 %q[weight], %q[odd]\n"
            "vadd.i32 %q[s1], %q[s1], %q[weight]\n"
            "vmovlt.s16 %q[even], %q[even]\n"
            "vadd.i32 %q[s2], %q[s2], %q[even]\n"
            "vmovlt.s16 %q[odd], %q[odd]\n"
            "vadd.i32 %q[s3], %q[s3], %q[odd]\n"
            "le lr, 1b\n"
            : [x] "+l"(x), [w] "+l"(weights), [s0] "+w"(s0), [s1] "+w"(s1), [s2] "+w"(s2), [s3] "+w"(s3), [even] "=&w"(even),
              [odd] "=&w"(odd), [tap] "=&w"(tap), [weight] "=&w"(weight)
            : [channels] "r"(channels), [pairs] "r"(pairs)
            : "lr", "cc", "memory");
    *w = weights;
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

static void ep_depthwise_conv_2d_mve_pixel(const struct ep_depthwise_conv_2d_mve *op, const int8_t *window, int8_t *output)
{
    const int32_t channels = op->outputs.channels;
    const int32_t *constants = op->outputs.constants;
    const int8_t *w = op->weights;
    int32_t left;
    for (left = channels; left > 0; left -= 16, window += 16, output += 16) {
        int32x4_t sums[4];
        ep_depthwise_conv_2d_mve_taps(window, &w, channels, op->pairs, sums);
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
