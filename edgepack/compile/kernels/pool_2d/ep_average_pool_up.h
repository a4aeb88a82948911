/* AVERAGE_POOL_2D, int8, as of uint8: the mean of the window's elements inside the input, halves rounded up. */
#ifndef EP_AVERAGE_POOL_UP_H
#define EP_AVERAGE_POOL_UP_H

#include "ep_pool.h"

struct ep_average_pool_up {
    struct ep_pool pool;
};

/* sum / count rounded to nearest, for elements of -128 and above: as numbers that are not negative. */
EP_INLINE int32_t ep_average_pool_up_divide(int32_t sum, int32_t count)
{
    const uint32_t n = (uint32_t)count;
    return (int32_t)(((uint32_t)sum + 128u * n + n / 2u) / n) - 128;
}

EP_KERNEL void ep_average_pool_up(const struct ep_average_pool_up *average, const int8_t *input, int8_t *output)
{
    const struct ep_pool *const op = &average->pool;
    int32_t batch, oy, ox, c, y, x;
    for (batch = 0; batch < op->batches; batch++, input += op->in_h * op->in_w * op->channels) {
        for (oy = 0; oy < op->out_h; oy++) {
            for (ox = 0; ox < op->out_w; ox++) {
                const struct ep_window window = ep_pool_window(op, oy, ox);
                const int32_t count = (window.y1 - window.y0) * (window.x1 - window.x0);
                for (c = 0; c < op->channels; c++) {
                    int32_t sum = 0;
                    for (y = window.y0; y < window.y1; y++) {
                        for (x = window.x0; x < window.x1; x++) {
                            sum = ep_add_wrapped(sum, input[(y * op->in_w + x) * op->channels + c]);
                        }
                    }
                    sum = ep_average_pool_up_divide(sum, count);
                    *output++ = (int8_t)ep_clamp(sum, op->out_min, op->out_max);
                }
            }
        }
    }
}

#endif
