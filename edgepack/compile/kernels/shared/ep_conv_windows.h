/* Walking over the windows of a convolution, output pixel by output pixel. */
#ifndef EP_CONV_WINDOWS_H
#define EP_CONV_WINDOWS_H

#include "ep_common.h"

struct ep_conv_windows {
    EP_SIZE batches;
    EP_SIZE in_h, in_w, in_c;
    EP_SIZE out_h, out_w, out_c;
    EP_SIZE kernel_h, kernel_w;
    EP_SIZE stride_h, stride_w;
    EP_SIZE dilation_h, dilation_w;
    EP_SIZE pad_top, pad_left;
    EP_SIZE last_y, last_x; /* the last position of a window that is inside the input */
    EP_SIZE in_zero;
};

/* One output pixel's window: the input position of its corner and the offset there, perhaps outside; the output column. */
struct ep_conv_window {
    int32_t y, x, corner, column;
};

EP_INLINE void ep_conv_window_first(const struct ep_conv_windows *op, struct ep_conv_window *window)
{
    window->y = -op->pad_top;
    window->x = -op->pad_left;
    window->corner = -(op->pad_top * op->in_w + op->pad_left) * op->in_c;
    window->column = 0;
}

EP_INLINE void ep_conv_window_next(const struct ep_conv_windows *op, struct ep_conv_window *window)
{
    window->x += op->stride_w;
    window->corner += op->stride_w * op->in_c;
    if (++window->column == op->out_w) {
        window->corner += (op->stride_h * op->in_w - op->out_w * op->stride_w) * op->in_c;
        window->y += op->stride_h;
        window->x = -op->pad_left;
        window->column = 0;
    }
}

EP_INLINE int ep_conv_window_inside(const struct ep_conv_windows *op, const struct ep_conv_window *window)
{
    return window->x >= 0 && window->x <= op->last_x && window->y >= 0 && window->y <= op->last_y;
}

/* The first tap inside the input and the number of taps inside, for `taps` taps from `position` on. */
EP_INLINE void ep_conv_window_clip(int32_t position, int32_t taps, int32_t dilation, int32_t extent, int32_t *first, int32_t *count)
{
    int32_t tap = 0;
    while (tap < taps && position + tap * dilation < 0) {
        tap++;
    }
    *first = tap;
    while (tap < taps && position + tap * dilation < extent) {
        tap++;
    }
    *count = tap - *first;
}

#endif
