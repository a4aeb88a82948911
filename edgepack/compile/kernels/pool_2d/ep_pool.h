/* The sliding window that AVERAGE_POOL_2D and MAX_POOL_2D share. */
#ifndef EP_POOL_H
#define EP_POOL_H

#include "ep_common.h"

struct ep_pool {
    EP_SIZE batches;
    EP_SIZE in_h, in_w, channels;
    EP_SIZE out_h, out_w;
    EP_SIZE kernel_h, kernel_w;
    EP_SIZE stride_h, stride_w;
    EP_SIZE pad_top, pad_left;
    EP_SIZE out_min, out_max;
};

/* The part of a window that lies inside the input: rows [y0, y1), columns [x0, x1). */
struct ep_window {
    int32_t y0, y1, x0, x1;
};

EP_INLINE struct ep_window ep_pool_window(const struct ep_pool *op, int32_t oy, int32_t ox)
{
    const int32_t y = oy * op->stride_h - op->pad_top;
    const int32_t x = ox * op->stride_w - op->pad_left;
    struct ep_window window;
    window.y0 = ep_max(y, 0);
    window.y1 = ep_min(y + op->kernel_h, op->in_h);
    window.x0 = ep_max(x, 0);
    window.x1 = ep_min(x + op->kernel_w, op->in_w);
    return window;
}

#endif
