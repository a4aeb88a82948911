/* DEPTHWISE_CONV_2D, int8, one filter a channel, for the vector extension: sixteen channels at a time, two taps at a time.
 *
 * The windows of sixteen channels of a row of outputs are read from a strip (ep_strip_mve.h). Two products fit 16 bits (the compiler
 * has checked the weights), so pairs of taps are added there and then widened. */
#ifndef EP_DEPTHWISE_CONV_2D_MVE_H
#define EP_DEPTHWISE_CONV_2D_MVE_H

#include "ep_strip_mve.h"

struct ep_depthwise_conv_2d_mve {
    struct ep_strip_mve strip;
    EP_SIZE batches, out_h, out_w;
    EP_SIZE stride_h, pad_top;
    EP_SIZE step;          /* bytes of the strip from one window to the next */
    EP_SIZE taps;          /* of the kernel */
    EP_SIZE strips;        /* of sixteen channels each, that are filled before their outputs are computed */
    const int8_t *weights; /* [16 channels][tap][16], taps as [column][row] */
    struct ep_mve_outputs outputs;
};

#if EP_MVE

/* In assembly, as compilers spill two of the eight vector registers: four sums, products of even and of odd channels, a tap and its
 * weights, read twice once. */
#define EP_DEPTHWISE_MVE_TWO_TAPS \
    "vldrb.u8 %q[tap], [%[x]], #16\n" \
    "vldrb.u8 %q[weight], [%[w]], #16\n" \
    "vmullb.s8 %q[even], %q[tap], %q[weight]\n" \
    "vmullt.s8 %q[odd], %q[tap], %q[weight]\n" \
    "vldrb.u8 %q[tap], [%[x]]\n" \
    "vldrb.u8 %q[weight], [%[w]], #16\n" \
    "vmullb.s8 %q[tap], %q[tap], %q[weight]\n" \
    "vadd.i16 %q[even], %q[even], %q[tap]\n" \
    "vldrb.u8 %q[tap], [%[x]], #16\n" \
    "vmullt.s8 %q[tap], %q[tap], %q[weight]\n"

#define EP_DEPTHWISE_MVE_ADD \
    "vmovlb.s16 %q[weight], %q[even]\n" \
    "vadd.i16 %q[odd], %q[odd], %q[tap]\n" \
    "vadd.i32 %q[s0], %q[s0], %q[weight]\n" \
    "vmovlb.s16 %q[weight], %q[odd]\n" \
    "vadd.i32 %q[s1], %q[s1], %q[weight]\n" \
    "vmovlt.s16 %q[even], %q[even]\n" \
    "vadd.i32 %q[s2], %q[s2], %q[even]\n" \
    "vmovlt.s16 %q[odd], %q[odd]\n" \
    "vadd.i32 %q[s3], %q[s3], %q[odd]\n"

#define EP_DEPTHWISE_MVE_LAST_TAP \
    "vldrb.u8 %q[tap], [%[x]], #16\n" \
    "vldrb.u8 %q[weight], [%[w]], #16\n" \
    "vmullb.s8 %q[even], %q[tap], %q[weight]\n" \
    "vmullt.s8 %q[odd], %q[tap], %q[weight]\n" \
    "vmovlb.s16 %q[tap], %q[even]\n" \
    "vadd.i32 %q[s0], %q[s0], %q[tap]\n" \
    "vmovlb.s16 %q[weight], %q[odd]\n" \
    "vadd.i32 %q[s1], %q[s1], %q[weight]\n" \
    "vmovlt.s16 %q[even], %q[even]\n" \
    "vadd.i32 %q[s2], %q[s2], %q[even]\n" \
    "vmovlt.s16 %q[odd], %q[odd]\n" \
    "vadd.i32 %q[s3], %q[s3], %q[odd]\n"

#define EP_DEPTHWISE_MVE_SET \
    "vmovlb.s16 %q[s0], %q[even]\n" \
    "vadd.i16 %q[odd], %q[odd], %q[tap]\n" \
    "vmovlt.s16 %q[s2], %q[even]\n" \
    "vmovlb.s16 %q[s1], %q[odd]\n" \
    "vmovlt.s16 %q[s3], %q[odd]\n"

#define EP_DEPTHWISE_MVE_RESULTS(how) \
    [x] "+l"(x), [w] "+l"(w), [s0] how(sums[0]), [s1] how(sums[1]), [s2] how(sums[2]), [s3] how(sums[3]), [even] "=&w"(even), \
        [odd] "=&w"(odd), [tap] "=&w"(tap), [weight] "=&w"(weight)

/* The sums of sixteen channels of one pixel: 85 instructions for 144 multiply-accumulates of 3x3, else 20 for 32 and 12 for
 * the last 16 of an odd number. */
EP_INLINE void ep_depthwise_conv_2d_mve_taps(const int8_t *x, const int8_t *w, int32_t taps, int32x4_t sums[4])
{
    int8x16_t even, odd, tap, weight;
    if (taps == 9) {
        __asm__(EP_DEPTHWISE_MVE_TWO_TAPS EP_DEPTHWISE_MVE_SET EP_DEPTHWISE_MVE_TWO_TAPS EP_DEPTHWISE_MVE_ADD EP_DEPTHWISE_MVE_TWO_TAPS
                    EP_DEPTHWISE_MVE_ADD EP_DEPTHWISE_MVE_TWO_TAPS EP_DEPTHWISE_MVE_ADD
                    EP_DEPTHWISE_MVE_LAST_TAP
                : EP_DEPTHWISE_MVE_RESULTS("=&w")
                :
                : "memory");
    } else {
        sums[0] = sums[1] = sums[2] = sums[3] = vdupq_n_s32(0);
        __asm__("wls lr, %[pairs], 2f\n"
                "1:\n" EP_DEPTHWISE_MVE_TWO_TAPS EP_DEPTHWISE_MVE_ADD "le lr, 1b\n"
                "2:\n"
                : EP_DEPTHWISE_MVE_RESULTS("+w")
                : [pairs] "r"(taps >> 1)
                : "lr", "cc", "memory");
        if ((taps & 1) != 0) {
            __asm__(EP_DEPTHWISE_MVE_LAST_TAP : EP_DEPTHWISE_MVE_RESULTS("+w") : : "memory");
        }
    }
}

/* `some` of sixteen channels of a row of pixels. */
EP_NOINLINE void ep_depthwise_conv_2d_mve_row(const struct ep_depthwise_conv_2d_mve *op, const int8_t *x, const int8_t *w,
                                              const int32_t *constants, int32_t some, int8_t *output)
{
    const int32_t channels = op->outputs.channels, step = op->step, taps = op->taps;
    const mve_pred16_t there = vctp8q((uint32_t)some);
    int32_t left;
    for (left = op->out_w; left > 0; left--, x += step, output += channels) {
        const int32_t *c = constants;
        int32x4_t sums[4];
        ep_depthwise_conv_2d_mve_taps(x, w, taps, sums);
        vstrbq_p_s8(output, ep_mve_requantize(op->outputs.form, &op->outputs, sums, &c), there);
    }
}

#else

static void ep_depthwise_conv_2d_mve_row(const struct ep_depthwise_conv_2d_mve *op, const int8_t *x, const int8_t *w,
                                         const int32_t *constants, int32_t some, int8_t *output)
{
    int32_t pixel, c, t;
    for (pixel = 0; pixel < op->out_w; pixel++, x += op->step, output += op->outputs.channels) {
        for (c = 0; c < ep_min(some, 16); c++) {
            int32_t sum = 0;
            for (t = 0; t < op->taps; t++) {
                sum += x[16 * t + c] * w[16 * t + c];
            }
            output[c] = ep_mve_output_of(&op->outputs, sum, constants, c);
        }
    }
}

#endif

EP_KERNEL void ep_depthwise_conv_2d_mve(const struct ep_depthwise_conv_2d_mve *op, const int8_t *input, int8_t *output, void *scratch)
{
    const int32_t channels = op->outputs.channels, weights = 16 * op->taps, constants = op->outputs.words;
    const int32_t bytes = 16 * op->strip.columns * op->strip.kernel_h;
    int32_t batch, row, c, first;
    memset(scratch, op->strip.in_zero, (size_t)(op->strips * bytes + 16));
    for (batch = 0; batch < op->batches; batch++, input += op->strip.in_h * op->strip.in_w * channels) {
        for (row = 0; row < op->out_h; row++, output += op->out_w * channels) {
            const int8_t *w = op->weights;
            const int32_t *k = op->outputs.constants;
            for (first = 0; first < channels; first += 16 * op->strips) {
                const int32_t end = ep_min(first + 16 * op->strips, channels);
                int8_t *strip = (int8_t *)scratch;
                for (c = first; c < end; c += 16, strip += bytes) {
                    ep_strip_mve(&op->strip, input + c, row * op->stride_h - op->pad_top, strip, ep_min(channels - c, 16), 16);
                }
                strip = (int8_t *)scratch;
                for (c = first; c < end; c += 16, strip += bytes, w += weights, k += constants) {
                    ep_depthwise_conv_2d_mve_row(op, strip, w, k, channels - c, output + c);
                }
            }
        }
    }
}

#endif
