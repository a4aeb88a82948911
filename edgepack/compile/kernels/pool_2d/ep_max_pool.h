/* MAX_POOL_2D, int8: the largest of the window's elements inside the input. */
#ifndef EP_MAX_POOL_H
#define EP_MAX_POOL_H

#include "ep_pool.h"

struct ep_max_pool {
    struct ep_pool pool;
};

EP_KERNEL void ep_max_pool(const struct ep_max_pool *largest, const int8_t *input, int8_t *output)
{
    const struct ep_pool *const op = &largest->pool;
    int32_t batch, oy, ox, c, y, x;
    for (batch = 0; batch < op->batches; batch++, input += op->in_h * op->in_w * op->channels) {
        for (oy = 0; oy < op->out_h; oy++) {
            for (ox = 0; ox < op->out_w; ox++) {
                const struct ep_window window = ep_pool_window(op, oy, ox);
                for (c = 0; c < op->channels; c++) {
                    int32_t best = -128;
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
