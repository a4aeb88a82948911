/* CONV_2D, int8, for the vector extension: sixteen multiply-accumulates an instruction (VMLADAV), two pixels by two channels at a time.
 *
 * Windows are read from a strip (ep_strip_mve.h), or for 1x1 from the input itself. Filters are padded with zeros to whole vectors,
 * so what a window's last vector holds beyond the window does not matter. */
#ifndef EP_CONV_2D_MVE_H
#define EP_CONV_2D_MVE_H

#include "ep_strip_mve.h"

struct ep_conv_2d_mve {
    struct ep_strip_mve strip;
    int32_t batches, rows, pixels; /* rows of an image, output pixels of a row */
    int32_t stride_h, pad_top;
    int32_t step;         /* bytes from one window to the next */
    int32_t direct;       /* 1: windows are in the input */
    int32_t out_step;     /* from an output pixel to the next: its channels, or more where this computes some of them */
    int32_t pairs;        /* pairs of channels */
    int32_t vectors;      /* vectors of a filter */
    const int8_t *weights; /* [pair][vector][2][16], values of a filter as [column][row][input channel] */
    struct ep_mve_outputs outputs;
};

#if EP_MVE

/* Two pixels' next 16 values times two channels' weights. 8 instructions for 64 multiply-accumulates. */
#define EP_CONV_2D_MVE_STEP(k) \
    do { \
        const int8x16_t x0 = vldrbq_s8(x + 16 * (k)), y0 = vldrbq_s8(y + 16 * (k)); \
        const int8x16_t w0 = vldrbq_s8(w + 32 * (k)), w1 = vldrbq_s8(w + 32 * (k) + 16); \
        a0 = vmladavaq_s8(a0, x0, w0); \
        a1 = vmladavaq_s8(a1, x0, w1); \
        b0 = vmladavaq_s8(b0, y0, w0); \
        b1 = vmladavaq_s8(b1, y0, w1); \
    } while (0)

/* All channels of two pixels, `first` vectors and then `fours` times four. */
EP_INLINE void ep_conv_2d_mve_sums(const struct ep_conv_2d_mve *op, const int8_t *pixel_a, const int8_t *pixel_b, int32_t *a,
                                   int32_t *b, int32_t first, int32_t fours)
{
    const int8_t *w = op->weights;
    int32_t pair, k;
    for (pair = op->pairs; pair > 0; pair--) {
        const int8_t *x = pixel_a, *y = pixel_b;
        int32_t a0 = 0, a1 = 0, b0 = 0, b1 = 0;
        EP_CONV_2D_MVE_STEP(0);
        if (first > 1) {
            EP_CONV_2D_MVE_STEP(1);
        }
        if (first > 2) {
            EP_CONV_2D_MVE_STEP(2);
        }
        if (first > 3) {
            EP_CONV_2D_MVE_STEP(3);
        }
        w += 32 * first;
        if (fours > 0) {
            x += 16 * first;
            y += 16 * first;
            for (k = fours; k > 0; k--) {
                EP_CONV_2D_MVE_STEP(0);
                EP_CONV_2D_MVE_STEP(1);
                EP_CONV_2D_MVE_STEP(2);
                EP_CONV_2D_MVE_STEP(3);
                x += 64;
                y += 64;
                w += 128;
            }
        }
        *a++ = a0;
        *a++ = a1;
        *b++ = b0;
        *b++ = b1;
    }
}

static void ep_conv_2d_mve_two(const struct ep_conv_2d_mve *op, const int8_t *x, const int8_t *y, int32_t *a, int32_t *b)
{
    const int32_t fours = (op->vectors - 1) >> 2;
    switch (op->vectors) {
    case 1: ep_conv_2d_mve_sums(op, x, y, a, b, 1, 0); return;
    case 2: ep_conv_2d_mve_sums(op, x, y, a, b, 2, 0); return;
    case 3: ep_conv_2d_mve_sums(op, x, y, a, b, 3, 0); return;
    case 4: ep_conv_2d_mve_sums(op, x, y, a, b, 4, 0); return;
    case 9: ep_conv_2d_mve_sums(op, x, y, a, b, 1, 2); return; /* 3x3 over 16 channels, unrolled */
    default: break;
    }
    switch (op->vectors & 3) {
    case 1: ep_conv_2d_mve_sums(op, x, y, a, b, 1, fours); return;
    case 2: ep_conv_2d_mve_sums(op, x, y, a, b, 2, fours); return;
    case 3: ep_conv_2d_mve_sums(op, x, y, a, b, 3, fours); return;
    default: ep_conv_2d_mve_sums(op, x, y, a, b, 4, fours); return;
    }
}

#else

static void ep_conv_2d_mve_two(const struct ep_conv_2d_mve *op, const int8_t *x, const int8_t *y, int32_t *a, int32_t *b)
{
    const int8_t *w = op->weights;
    int32_t pair, k;
    for (pair = 0; pair < op->pairs; pair++, a += 2, b += 2) {
        a[0] = a[1] = b[0] = b[1] = 0;
        for (k = 0; k < 16 * op->vectors; k++) {
            const int32_t w0 = w[(k >> 4) * 32 + (k & 15)], w1 = w[(k >> 4) * 32 + 16 + (k & 15)];
            a[0] += x[k] * w0;
            a[1] += x[k] * w1;
            b[0] += y[k] * w0;
            b[1] += y[k] * w1;
        }
        w += 32 * op->vectors;
    }
}

#endif

EP_KERNEL void ep_conv_2d_mve(const struct ep_conv_2d_mve *op, const int8_t *input, int8_t *output, void *scratch)
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
                ep_conv_2d_mve_two(op, x, two ? x + op->step : x, a, b);
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
