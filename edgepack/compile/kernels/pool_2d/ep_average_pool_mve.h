/* AVERAGE_POOL_2D, int8, for the vector extension: eight channels' sums at a time, windows of fewer than 256 elements. */
#ifndef EP_AVERAGE_POOL_MVE_H
#define EP_AVERAGE_POOL_MVE_H

#include "ep_mve.h"
#include "ep_pool.h"

struct ep_average_pool_mve {
    struct ep_pool pool;
};

/* The sums of up to eight channels over a window whose first element is at `input`. */
EP_INLINE void ep_average_pool_mve_sums(const int8_t *input, int32_t rows, int32_t columns, int32_t line, int32_t channels,
                                        int32_t count, int16_t *sums)
{
#if EP_MVE
    const mve_pred16_t some = vctp16q((uint32_t)count);
    int16x8_t sum = vdupq_n_s16(0);
    for (; rows > 0; rows--, input += line) {
        const int8_t *x = input;
        int32_t left;
        for (left = columns; left > 0; left--, x += channels) {
            sum = vaddq_s16(sum, vldrbq_z_s16(x, some));
        }
    }
    vst1q_s16(sums, sum);
#else
    int32_t c, y, x;
    for (c = 0; c < count; c++) {
        int32_t sum = 0;
        for (y = 0; y < rows; y++) {
            for (x = 0; x < columns; x++) {
                sum += input[y * line + x * channels + c];
            }
        }
        sums[c] = (int16_t)sum;
    }
#endif
}

EP_KERNEL void ep_average_pool_mve(const struct ep_average_pool_mve *average, const int8_t *input, int8_t *output)
{
    const struct ep_pool *const op = &average->pool;
    const int32_t line = op->in_w * op->channels;
    int32_t batch, oy, ox, c, k;
    int16_t sums[8];
    for (batch = 0; batch < op->batches; batch++, input += op->in_h * line) {
        for (oy = 0; oy < op->out_h; oy++) {
            for (ox = 0; ox < op->out_w; ox++) {
                const struct ep_window window = ep_pool_window(op, oy, ox);
                const int32_t rows = window.y1 - window.y0, columns = window.x1 - window.x0, count = rows * columns;
                const int8_t *x = input + window.y0 * line + window.x0 * op->channels;
                for (c = 0; c < op->channels; c += 8, x += 8) {
                    const int32_t some = ep_min(op->channels - c, 8);
                    ep_average_pool_mve_sums(x, rows, columns, line, op->channels, some, sums);
                    for (k = 0; k < some; k++) {
                        const int32_t sum = sums[k];
                        const int32_t mean = (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
                        *output++ = (int8_t)ep_clamp(mean, op->out_min, op->out_max);
                    }
                }
            }
        }
    }
}

#endif
