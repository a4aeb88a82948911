/* AVERAGE_POOL_2D, int8, over an input with margins: the mean of a window's elements, those of the margins among them, halves
 * rounded away from zero. */
#ifndef EP_AVERAGE_POOL_MARGINS_H
#define EP_AVERAGE_POOL_MARGINS_H

#include "ep_pool_margins.h"

struct ep_average_pool_margins {
    struct ep_pool pool;
    struct ep_margins margins;
};

EP_KERNEL void ep_average_pool_margins(const struct ep_average_pool_margins *average, const int8_t *input, int8_t *output)
{
    const struct ep_pool *const op = &average->pool;
    const struct ep_margins *const margins = &average->margins;
    int32_t batch, oy, ox, c, y, x;
    for (batch = 0; batch < op->batches; batch++, input += op->in_h * op->in_w * op->channels) {
        for (oy = 0; oy < op->out_h; oy++) {
            for (ox = 0; ox < op->out_w; ox++) {
                const struct ep_window window = ep_pool_window(op, oy, ox);
                const int32_t count = ep_pool_margins_count(op, margins, oy, ox);
                const int32_t filled = (count - ep_pool_inside_count(&window)) * margins->fill;
                for (c = 0; c < op->channels; c++) {
                    int32_t sum = filled;
                    for (y = window.y0; y < window.y1; y++) {
                        for (x = window.x0; x < window.x1; x++) {
                            sum += input[(y * op->in_w + x) * op->channels + c];
                        }
                    }
                    sum = (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
                    *output++ = (int8_t)ep_clamp(sum, op->out_min, op->out_max);
                }
            }
        }
    }
}

#endif
