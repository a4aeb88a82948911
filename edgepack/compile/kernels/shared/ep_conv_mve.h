/* What the convolutions for the vector extension share: two pixels by two channels at a time, sixteen multiply-accumulates an instruction
 * (VMLADAV).
 *
 * Windows are read from a strip (ep_strip_mve.h), or for 1x1 from the input itself. */
#ifndef EP_CONV_MVE_H
#define EP_CONV_MVE_H

#include "ep_strip_mve.h"

struct ep_conv_2d_mve {
    struct ep_strip_mve strip;
    EP_SIZE batches, rows, pixels; /* rows of an image, output pixels of a row */
    EP_SIZE stride_h, pad_top;
    EP_SIZE step;         /* bytes from one window to the next */
    EP_SIZE direct;       /* 1: windows are in the input */
    EP_SIZE out_step;     /* from an output pixel to the next: its channels, or more where this computes some of them */
    EP_SIZE pairs;        /* of channels */
    EP_SIZE length;       /* of a filter */
    const int8_t *weights; /* values of a filter as [column][row][input channel] */
    struct ep_mve_outputs outputs;
};

#if EP_MVE

/* The next 16 values of the pixels x and y, `at` bytes on, times two channels' weights. 8 instructions for 64 multiply-accumulates. */
#define EP_CONV_MVE_STEP(at, first, second) \
    do { \
        const int8x16_t x0 = vldrbq_s8(x + (at)), y0 = vldrbq_s8(y + (at)); \
        const int8x16_t w0 = vldrbq_s8(first), w1 = vldrbq_s8(second); \
        a0 = vmladavaq_s8(a0, x0, w0); \
        a1 = vmladavaq_s8(a1, x0, w1); \
        b0 = vmladavaq_s8(b0, y0, w0); \
        b1 = vmladavaq_s8(b1, y0, w1); \
    } while (0)

#endif

/* The sums of all channels of two pixels, whose windows are at x and y. */
typedef void ep_conv_mve_two(const struct ep_conv_2d_mve *op, const int8_t *x, const int8_t *y, int32_t *a, int32_t *b);

EP_KERNEL void ep_conv_mve(const struct ep_conv_2d_mve *op, const int8_t *input, int8_t *output, void *scratch, ep_conv_mve_two *two_sums)
{
    const int32_t channels = op->outputs.channels, room = (channels + 15) & ~15;
    int32_t *const a = (int32_t *)scratch, *const b = a + room;
    int8_t *const strip = (int8_t *)(b + room);
    int32_t batch, row, pixel;
    if (op->direct == 0) {
        memset(strip, op->strip.in_zero, (size_t)(op->strip.columns * op->strip.kernel_h * op->strip.in_c + 16));
    }
    for (batch = 0; batch < op->batches; batch++, input += op->strip.in_h * op->strip.in_w * op->strip.in_c) {
        for (row = 0; row < op->rows; row++) {
            const int8_t *x = input;
            if (op->direct == 0) {
                ep_strip_mve(&op->strip, input, row * op->stride_h - op->pad_top, strip, op->strip.in_c, op->strip.in_c);
                x = strip;
            }
            for (pixel = 0; pixel < op->pixels; pixel += 2, x += 2 * op->step) {
                const int32_t two = pixel + 1 < op->pixels;
                two_sums(op, x, two ? x + op->step : x, a, b);
                ep_mve_outputs(&op->outputs, a, output);
                output += op->out_step;
                if (two) {
                    ep_mve_outputs(&op->outputs, b, output);
                    output += op->out_step;
                }
            }
        }
    }
}

#endif
