/* CONV_2D, int8, for the vector extension, with filters that are stored without padding: slower than ep_conv_2d_mve.h by two or three
 * instructions for two pixels by two channels, for windows that are not whole vectors.
 *
 * The first vector of a window is the one that is not whole; what is beside it counts as zero, so single pixels of any number of
 * channels are read from the input itself. Weights are [channel][value], of any number of channels (`pairs` are the whole ones), and a
 * filter's length is in values; zeros before the first make up a whole vector. */
#ifndef EP_CONV_2D_ROWS_MVE_H
#define EP_CONV_2D_ROWS_MVE_H

#include "ep_conv_mve.h"

#if EP_MVE

/* Whole vectors of each pixel and channel, in assembly, as compilers do not step all four addresses while loading: 9 instructions for
 * 64 multiply-accumulates. The pixels' addresses end where they began. */
#define EP_CONV_2D_ROWS_MVE_VECTORS \
    "wls lr, %[vectors], 2f\n" \
    "1:\n" \
    "vldrb.u8 %q[p], [%[x]], #16\n" \
    "vldrb.u8 %q[q], [%[w]], #16\n" \
    "vmladava.s8 %[a0], %q[p], %q[q]\n" \
    "vldrb.u8 %q[r], [%[v]], #16\n" \
    "vmladava.s8 %[a1], %q[p], %q[r]\n" \
    "vldrb.u8 %q[p], [%[y]], #16\n" \
    "vmladava.s8 %[b0], %q[p], %q[q]\n" \
    "vmladava.s8 %[b1], %q[p], %q[r]\n" \
    "le lr, 1b\n" \
    "2:\n" \
    "sub %[x], %[x], %[vectors], lsl #4\n" \
    "sub %[y], %[y], %[vectors], lsl #4\n"

static void ep_conv_2d_rows_mve_two(const struct ep_conv_2d_mve *op, const int8_t *x, const int8_t *y, int32_t *a, int32_t *b)
{
    const int32_t size = op->length, vectors = (size - 1) >> 4, first = size - 16 * vectors;
    const mve_pred16_t there = vpnot(vctp8q((uint32_t)(16 - first))); /* of the vector that ends with the first values */
    const int8_t *w = op->weights + 16, *v = w + size;
    int32_t pairs = op->pairs, last = op->outputs.channels & 1;
    x += first;
    y += first;
    for (;;) {
        for (; pairs > 0; pairs--) {
            int8x16_t p = vldrbq_z_s8(x - 16, there), q = vldrbq_s8(w - 16), r = vldrbq_s8(v - 16);
            int32_t a0 = vmladavq_s8(p, q), a1 = vmladavq_s8(p, r), b0, b1;
            p = vldrbq_z_s8(y - 16, there);
            b0 = vmladavq_s8(p, q);
            b1 = vmladavq_s8(p, r);
            __asm__(EP_CONV_2D_ROWS_MVE_VECTORS
                    : [x] "+r"(x), [y] "+r"(y), [w] "+r"(w), [v] "+r"(v), [a0] "+Te"(a0), [a1] "+Te"(a1), [b0] "+Te"(b0),
                      [b1] "+Te"(b1), [p] "=&w"(p), [q] "=&w"(q), [r] "=&w"(r)
                    : [vectors] "r"(vectors)
                    : "lr", "cc", "memory");
            w += size + first;
            v += size + first;
            *a++ = a0;
            *a++ = a1;
            *b++ = b0;
            *b++ = b1;
        }
        if (last == 0) {
            return;
        }
        v = w; /* the last of an odd number of channels twice */
        pairs = 1;
        last = 0;
    }
}

#else

static void ep_conv_2d_rows_mve_two(const struct ep_conv_2d_mve *op, const int8_t *x, const int8_t *y, int32_t *a, int32_t *b)
{
    const int8_t *w = op->weights + 16 - ((op->length - 1) & 15) - 1;
    int32_t channel, k;
    for (channel = 0; channel < op->outputs.channels; channel++, w += op->length) {
        a[channel] = b[channel] = 0;
        for (k = 0; k < op->length; k++) {
            a[channel] += x[k] * w[k];
            b[channel] += y[k] * w[k];
        }
    }
}

#endif

EP_KERNEL void ep_conv_2d_rows_mve(const struct ep_conv_2d_mve *op, const int8_t *input, int8_t *output, void *scratch)
{
    ep_conv_mve(op, input, output, scratch, ep_conv_2d_rows_mve_two);
}

#endif
