/* The input under one row of output pixels, column by column, so that every window is one piece of memory:
 * [column][kernel row][channel], with zero points outside the image. */
#ifndef EP_STRIP_MVE_H
#define EP_STRIP_MVE_H

#include "ep_mve.h"

struct ep_strip_mve {
    EP_SIZE in_h, in_w, in_c;
    EP_SIZE kernel_h, dilation_h;
    EP_SIZE columns;      /* columns of the strip, padding included */
    EP_SIZE pad_left;     /* columns of padding before the image */
    EP_SIZE inside;       /* columns of the image in the strip */
    EP_SIZE in_zero;
};

/* Copy `count` pieces of `size` bytes, each `from_step` and `to_step` bytes after the one before; from NULL: fill with `value`. */
static void ep_strip_mve_row(int8_t *to, int32_t to_step, const int8_t *from, int32_t from_step, int32_t size, int32_t count,
                             int32_t value)
{
#if EP_MVE
    int32_t k;
    if (from == NULL) {
        const int8x16_t filling = vdupq_n_s8((int8_t)value);
        for (k = 0; k < size; k += 16) {
            const mve_pred16_t some = vctp8q((uint32_t)(size - k));
            int8_t *put = to + k;
            int32_t left = count;
            for (; left > 0; left--, put += to_step) {
                vstrbq_p_s8(put, filling, some);
            }
        }
        return;
    }
    for (k = 0; k < size; k += 16) {
        const mve_pred16_t some = vctp8q((uint32_t)(size - k));
        const int8_t *get = from + k;
        int8_t *put = to + k;
        int32_t left = count;
        for (; left > 0; left--, get += from_step, put += to_step) {
            vstrbq_p_s8(put, vldrbq_z_s8(get, some), some);
        }
    }
#else
    for (; count > 0; count--, to += to_step, from = from == NULL ? from : from + from_step) {
        if (from == NULL) {
            memset(to, value, (size_t)size);
        } else {
            memcpy(to, from, (size_t)size);
        }
    }
#endif
}

/* The strip whose first row is input row y, perhaps outside, of `size` channels from `input` on, `width` bytes for each column and
 * row. Columns of padding are filled beforehand. */
EP_INLINE void ep_strip_mve(const struct ep_strip_mve *op, const int8_t *input, int32_t y, int8_t *strip, int32_t size, int32_t width)
{
    const int32_t column = op->kernel_h * width, line = op->in_w * op->in_c;
    int32_t row;
    strip += op->pad_left * column;
    for (row = 0; row < op->kernel_h; row++, strip += width, y += op->dilation_h) {
        const int8_t *const from = y >= 0 && y < op->in_h ? input + y * line : NULL;
        ep_strip_mve_row(strip, column, from, op->in_c, size, op->inside, op->in_zero);
    }
}

#endif
