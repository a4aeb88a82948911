/* MAX_POOL_2D, int8, over an input with margins: the largest of a window's elements, those of the margins among them. */
#ifndef EP_MAX_POOL_MARGINS_H
#define EP_MAX_POOL_MARGINS_H

#include "ep_pool_margins.h"

struct ep_max_pool_margins {
    struct ep_pool pool;
    struct ep_margins margins;
};

EP_KERNEL void ep_max_pool_margins(const struct ep_max_pool_margins *largest, const int8_t *input, int8_t *output)
{
    const struct ep_pool *const op = &largest->pool;
    const struct ep_margins *const margins = &largest->margins;
    int32_t batch, oy, ox, c, y, x;
    for (batch = 0; batch < op->batches; batch++, input += op->in_h * op->in_w * op->channels) {
        for (oy = 0; oy < op->out_h; oy++) {
            for (ox = 0; ox < op->out_w; ox++) {
                const struct ep_window window = ep_pool_window(op, oy, ox);
                const int32_t count = ep_pool_margins_count(op, margins, oy, ox);
                const int32_t least = ep_pool_inside_count(&window) < count ? margins->fill : -128;
                for (c = 0; c < op->channels; c++) {
                    int32_t best = least;
                    for (y = window.y0; y < window.y1; y++) {
                        for (x = window.x0; x < window.x1; x++) {
                            best = ep_max(best, input[(y * op->in_w + x) * op->channels + c]);
                        }
                    }
                    *output++ = (int8_t)ep_clamp(best, op->out_min, op->out_max);
                }
            }
        }
    }
}

#endif
