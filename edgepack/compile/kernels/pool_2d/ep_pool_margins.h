/* The windows of pooling over an input that is filled on all sides with one value first: a PAD taken in. */
#ifndef EP_POOL_MARGINS_H
#define EP_POOL_MARGINS_H

#include "ep_pool.h"

struct ep_margins {
    int32_t top, bottom, left, right; /* rows and columns of `fill` around the input */
    int32_t fill;
};

/* The elements of a window that lie inside the input and its margins. */
EP_INLINE int32_t ep_pool_margins_count(const struct ep_pool *op, const struct ep_margins *margins, int32_t oy, int32_t ox)
{
    const int32_t y = oy * op->stride_h - op->pad_top;
    const int32_t x = ox * op->stride_w - op->pad_left;
    const int32_t rows = ep_min(y + op->kernel_h, op->in_h + margins->bottom) - ep_max(y, -margins->top);
    const int32_t columns = ep_min(x + op->kernel_w, op->in_w + margins->right) - ep_max(x, -margins->left);
    return rows * columns;
}

/* Those of them that lie inside the input. */
EP_INLINE int32_t ep_pool_inside_count(const struct ep_window *window)
{
    return ep_max(window->y1 - window->y0, 0) * ep_max(window->x1 - window->x0, 0);
}

#endif
