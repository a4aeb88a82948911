/* FULLY_CONNECTED, int8, for the vector extension: as ep_fully_connected_mve.h, over rows of weights as they are, for sizes that would
 * have to be padded there.
 *
 * The input's last vector is read with the bytes that exist, so it does not matter that a row's last one holds some of the next row's;
 * behind the last row are bytes to read. With `biases` sums start from them, so that layers that share weights can share biases too. */
#ifndef EP_FULLY_CONNECTED_ROWS_MVE_H
#define EP_FULLY_CONNECTED_ROWS_MVE_H

#include "ep_mve.h"

struct ep_fully_connected_rows_mve {
    EP_SIZE batches, in_size;
    const int8_t *weights; /* [outputs][in_size], and zeros to whole vectors of the last row */
    const int32_t *biases; /* [outputs] for the exact form, whose constants are without them; or NULL */
    struct ep_mve_outputs outputs;
};

#if EP_MVE

/* Whole vectors of four rows, in assembly, as compilers step five pointers with five instructions of their own. 10 instructions for 64
 * multiply-accumulates. */
#define EP_FULLY_CONNECTED_ROWS_MVE_ROW(sum, row) \
    "vldrb.u8 %q[weights], [%[" row "]], #16\n" \
    "vmlava.s8 %[" sum "], %q[values], %q[weights]\n"

/* Add up to sixteen outputs' products to their sums, four at a time and the rest one by one; returns where the next ones' weights
 * begin. */
EP_INLINE const int8_t *ep_fully_connected_rows_mve_sums(const int8_t *input, int32_t size, const int8_t *w, int32_t outputs, int32_t *sums)
{
    const mve_pred16_t some = vctp8q((uint32_t)(size & 15));
    for (; outputs >= 4; outputs -= 4, sums += 4) {
        const int8_t *x = input, *w0 = w, *w1 = w0 + size, *w2 = w1 + size, *w3 = w2 + size;
        int32_t a = sums[0], b = sums[1], c = sums[2], d = sums[3];
        int8x16_t values, weights;
        w = w3 + size;
        __asm__("wls lr, %[vectors], 2f\n"
                "1:\n"
                "vldrb.u8 %q[values], [%[x]], #16\n" EP_FULLY_CONNECTED_ROWS_MVE_ROW("a", "w0") EP_FULLY_CONNECTED_ROWS_MVE_ROW("b", "w1")
                    EP_FULLY_CONNECTED_ROWS_MVE_ROW("c", "w2") EP_FULLY_CONNECTED_ROWS_MVE_ROW("d", "w3") "le lr, 1b\n"
                "2:\n"
                : [x] "+r"(x), [w0] "+r"(w0), [w1] "+r"(w1), [w2] "+r"(w2), [w3] "+r"(w3), [a] "+Te"(a), [b] "+Te"(b), [c] "+Te"(c),
                  [d] "+Te"(d), [values] "=&w"(values), [weights] "=&w"(weights)
                : [vectors] "r"(size >> 4)
                : "lr", "cc", "memory");
        if ((size & 15) != 0) {
            values = vldrbq_z_s8(x, some);
            a = vmladavaq_s8(a, values, vldrbq_s8(w0));
            b = vmladavaq_s8(b, values, vldrbq_s8(w1));
            c = vmladavaq_s8(c, values, vldrbq_s8(w2));
            d = vmladavaq_s8(d, values, vldrbq_s8(w3));
        }
        sums[0] = a;
        sums[1] = b;
        sums[2] = c;
        sums[3] = d;
    }
    for (; outputs > 0; outputs--, sums++, w += size) {
        int32_t k, sum = *sums;
        for (k = 0; k < size; k += 16) {
            sum = vmladavaq_s8(sum, vldrbq_z_s8(input + k, vctp8q((uint32_t)(size - k))), vldrbq_s8(w + k));
        }
        *sums = sum;
    }
    return w;
}

/* `some` of sixteen sums, which include their biases, to outputs. */
EP_INLINE void ep_fully_connected_rows_mve_exact(const struct ep_mve_outputs *op, const int32_t *sums, const int32_t *constants,
                                                 int32_t some, int8_t *output)
{
    int32x4x4_t four = vld4q_s32(sums);
    vstrbq_p_s8(output, ep_mve_exact(op, four.val, constants), vctp8q((uint32_t)some));
}

#else

EP_INLINE void ep_fully_connected_rows_mve_exact(const struct ep_mve_outputs *op, const int32_t *sums, const int32_t *constants,
                                                 int32_t some, int8_t *output)
{
    int32_t k;
    for (k = 0; k < some; k++) {
        output[k] = ep_mve_exact_of(op, sums[k], constants, k);
    }
}

static const int8_t *ep_fully_connected_rows_mve_sums(const int8_t *input, int32_t size, const int8_t *w, int32_t outputs, int32_t *sums)
{
    int32_t k;
    for (; outputs > 0; outputs--, sums++, w += size) {
        for (k = 0; k < size; k++) {
            *sums += input[k] * w[k];
        }
    }
    return w;
}

#endif

EP_KERNEL void ep_fully_connected_rows_mve(const struct ep_fully_connected_rows_mve *op, const int8_t *input, int8_t *output)
{
    int32_t sums[16] = {0};
    int32_t batch, left;
    for (batch = 0; batch < op->batches; batch++, input += op->in_size) {
        const int8_t *w = op->weights;
        const int32_t *constants = op->outputs.constants, *biases = op->biases;
        for (left = op->outputs.channels; left > 0; left -= 16) {
            const int32_t some = ep_min(left, 16);
            if (biases != NULL) {
                if (some == 16) {
                    memcpy(sums, biases, sizeof sums);
                } else {
                    memcpy(sums, biases, (size_t)some * sizeof *sums);
                }
                w = ep_fully_connected_rows_mve_sums(input, op->in_size, w, some, sums);
                ep_fully_connected_rows_mve_exact(&op->outputs, sums, constants, some, output);
                constants += op->outputs.words;
                biases += some;
            } else {
                memset(sums, 0, sizeof sums);
                w = ep_fully_connected_rows_mve_sums(input, op->in_size, w, some, sums);
                constants = ep_mve_outputs_some(op->outputs.form, &op->outputs, sums, constants, some, output);
            }
            output += some;
        }
    }
}

#endif
