/* FULLY_CONNECTED, int8, for the vector extension: sixteen values of the input times four outputs' weights at a time.
 *
 * Rows of weights are padded with zeros to whole vectors, so what the input's last vector holds beyond the input does not matter;
 * it is read with the bytes that exist. */
#ifndef EP_FULLY_CONNECTED_MVE_H
#define EP_FULLY_CONNECTED_MVE_H

#include "ep_mve.h"

struct ep_fully_connected_mve {
    EP_SIZE batches, in_size;
    const int8_t *weights; /* [group][vector][4][16] */
    struct ep_mve_outputs outputs;
};

#if EP_MVE

/* 9 instructions for 64 multiply-accumulates. */
#define EP_FULLY_CONNECTED_MVE_STEP(values, k) \
    do { \
        const int8x16_t some_x = (values); \
        a = vmladavaq_s8(a, some_x, vldrbq_s8(w + 64 * (k))); \
        b = vmladavaq_s8(b, some_x, vldrbq_s8(w + 64 * (k) + 16)); \
        c = vmladavaq_s8(c, some_x, vldrbq_s8(w + 64 * (k) + 32)); \
        d = vmladavaq_s8(d, some_x, vldrbq_s8(w + 64 * (k) + 48)); \
    } while (0)

/* Up to sixteen outputs' sums, four at a time; returns where the next ones' weights begin. */
EP_INLINE const int8_t *ep_fully_connected_mve_sums(const int8_t *input, int32_t size, const int8_t *w, int32_t fours, int32_t *sums)
{
    const mve_pred16_t some = vctp8q((uint32_t)(size & 15));
    for (; fours > 0; fours--, sums += 4) {
        const int8_t *x = input;
        int32_t a = 0, b = 0, c = 0, d = 0, left;
        for (left = size >> 5; left > 0; left--, x += 32, w += 128) {
            EP_FULLY_CONNECTED_MVE_STEP(vldrbq_s8(x), 0);
            EP_FULLY_CONNECTED_MVE_STEP(vldrbq_s8(x + 16), 1);
        }
        if ((size & 16) != 0) {
            EP_FULLY_CONNECTED_MVE_STEP(vldrbq_s8(x), 0);
            x += 16;
            w += 64;
        }
        if ((size & 15) != 0) {
            EP_FULLY_CONNECTED_MVE_STEP(vldrbq_z_s8(x, some), 0);
            w += 64;
        }
        sums[0] = a;
        sums[1] = b;
        sums[2] = c;
        sums[3] = d;
    }
    return w;
}

#else

static const int8_t *ep_fully_connected_mve_sums(const int8_t *input, int32_t size, const int8_t *w, int32_t fours, int32_t *sums)
{
    int32_t o, k;
    for (; fours > 0; fours--, sums += 4, w += 64 * ((size + 15) >> 4)) {
        for (o = 0; o < 4; o++) {
            sums[o] = 0;
            for (k = 0; k < size; k++) {
                sums[o] += input[k] * w[(k >> 4) * 64 + 16 * o + (k & 15)];
            }
        }
    }
    return w;
}

#endif

EP_KERNEL void ep_fully_connected_mve(const struct ep_fully_connected_mve *op, const int8_t *input, int8_t *output)
{
    int32_t sums[16] = {0};
    int32_t batch, left;
    for (batch = 0; batch < op->batches; batch++, input += op->in_size) {
        const int8_t *w = op->weights;
        const int32_t *constants = op->outputs.constants;
        for (left = op->outputs.channels; left > 0; left -= 16) {
            const int32_t some = ep_min(left, 16);
            w = ep_fully_connected_mve_sums(input, op->in_size, w, (some + 3) >> 2, sums);
            constants = ep_mve_outputs_some(op->outputs.form, &op->outputs, sums, constants, some, output);
            output += some;
        }
    }
}

#endif
