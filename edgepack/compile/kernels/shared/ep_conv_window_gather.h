/* Putting the bytes of a convolution's window together. */
#ifndef EP_CONV_WINDOW_GATHER_H
#define EP_CONV_WINDOW_GATHER_H

#include "ep_conv_windows.h"
#include "ep_gather_rows.h"

/* Put a window's bytes together, zero points where it is outside the input. */
EP_SMALL void ep_conv_window_gather(const struct ep_conv_windows *op, const int8_t *input, const struct ep_conv_window *window, int8_t *to)
{
    const int32_t row = op->kernel_w * op->in_c, line = op->dilation_h * op->in_w * op->in_c;
    int32_t rows = op->kernel_h, taps = op->kernel_w, from = window->corner;
    if (!ep_conv_window_inside(op, window)) {
        int32_t first_row, first_tap;
        memset(to, op->in_zero, (size_t)(op->kernel_h * row));
        ep_conv_window_clip(window->y, op->kernel_h, op->dilation_h, op->in_h, &first_row, &rows);
        ep_conv_window_clip(window->x, op->kernel_w, op->dilation_w, op->in_w, &first_tap, &taps);
        to += first_row * row + first_tap * op->in_c;
        from += first_row * line + first_tap * op->dilation_w * op->in_c;
    }
    if (op->dilation_w == 1) {
        ep_gather_rows(to, input + from, taps * op->in_c, rows, row, line);
        return;
    }
    for (; rows > 0; rows--, to += row, from += line) {
        ep_gather_rows(to, input + from, op->in_c, taps, op->in_c, op->dilation_w * op->in_c);
    }
}

#endif
