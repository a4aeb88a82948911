/* RESIZE_BILINEAR, int8: positions and weights in 1/1024 pixels, the sum rounded with halves away from zero. */
#ifndef EP_RESIZE_BILINEAR_H
#define EP_RESIZE_BILINEAR_H

#include "ep_common.h"

struct ep_resize_bilinear {
    int32_t batches;
    int32_t in_h, in_w, channels;
    int32_t out_h, out_w;
    int32_t first_y, first_x; /* 1/1024 input pixels */
    int32_t step_y, step_x;
};

/* The two pixels a position lies between, and the weight of the second; -1/2 pixel gives it a negative weight. */
struct ep_between {
    int32_t low, high, weight;
};

EP_INLINE struct ep_between ep_resize_between(int32_t position, int32_t size)
{
    struct ep_between between;
    between.low = ep_max(position / 1024, 0);
    between.high = ep_min((position + 1023) / 1024, size - 1);
    between.weight = position - 1024 * between.low;
    return between;
}

EP_KERNEL void ep_resize_bilinear(const struct ep_resize_bilinear *op, const int8_t *input, int8_t *output)
{
    int32_t batch, oy, ox, c;
    for (batch = 0; batch < op->batches; batch++, input += op->in_h * op->in_w * op->channels) {
        for (oy = 0; oy < op->out_h; oy++) {
            const struct ep_between y = ep_resize_between(op->first_y + oy * op->step_y, op->in_h);
            const int8_t *const above = input + y.low * op->in_w * op->channels;
            const int8_t *const below = input + y.high * op->in_w * op->channels;
            for (ox = 0; ox < op->out_w; ox++) {
                const struct ep_between x = ep_resize_between(op->first_x + ox * op->step_x, op->in_w);
                const int32_t left = x.low * op->channels, right = x.high * op->channels;
                const int32_t above_left = (1024 - y.weight) * (1024 - x.weight);
                const int32_t above_right = (1024 - y.weight) * x.weight;
                const int32_t below_left = y.weight * (1024 - x.weight);
                const int32_t below_right = y.weight * x.weight;
                for (c = 0; c < op->channels; c++) {
                    const int32_t sum = above[left + c] * above_left + above[right + c] * above_right +
                                        below[left + c] * below_left + below[right + c] * below_right;
                    *output++ = (int8_t)((sum + (sum > 0 ? 1 << 19 : -(1 << 19))) / (1 << 20));
                }
            }
        }
    }
}

#endif
