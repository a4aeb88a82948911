/* CONV_2D, int8, for the vector extension. Filters are padded with zeros to whole vectors, so what a window's last vector holds beyond
 * the window does not matter. Weights are [pair][vector][2][16], and a filter's length is in vectors. */
#ifndef EP_CONV_2D_MVE_H
#define EP_CONV_2D_MVE_H

#include "ep_conv_mve.h"

#if EP_MVE

#define EP_CONV_2D_MVE_STEP(k) EP_CONV_MVE_STEP(16 * (k), w + 32 * (k), w + 32 * (k) + 16)

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
    const int32_t fours = (op->length - 1) >> 2;
    switch (op->length) {
    case 1: ep_conv_2d_mve_sums(op, x, y, a, b, 1, 0); return;
    case 2: ep_conv_2d_mve_sums(op, x, y, a, b, 2, 0); return;
    case 3: ep_conv_2d_mve_sums(op, x, y, a, b, 3, 0); return;
    case 4: ep_conv_2d_mve_sums(op, x, y, a, b, 4, 0); return;
    case 9: ep_conv_2d_mve_sums(op, x, y, a, b, 1, 2); return; /* 3x3 over 16 channels, unrolled */
    default: break;
    }
    switch (op->length & 3) {
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
        for (k = 0; k < 16 * op->length; k++) {
            const int32_t w0 = w[(k >> 4) * 32 + (k & 15)], w1 = w[(k >> 4) * 32 + 16 + (k & 15)];
            a[0] += x[k] * w0;
            a[1] += x[k] * w1;
            b[0] += y[k] * w0;
            b[1] += y[k] * w1;
        }
        w += 32 * op->length;
    }
}

#endif

EP_KERNEL void ep_conv_2d_mve(const struct ep_conv_2d_mve *op, const int8_t *input, int8_t *output, void *scratch)
{
    ep_conv_mve(op, input, output, scratch, ep_conv_2d_mve_two);
}

#endif
