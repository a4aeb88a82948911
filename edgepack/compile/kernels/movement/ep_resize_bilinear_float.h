/* RESIZE_BILINEAR of what was uint8: weights and sums in float, in the reference's order, halves rounded up. */
#ifndef EP_RESIZE_BILINEAR_FLOAT_H
#define EP_RESIZE_BILINEAR_FLOAT_H

#include "ep_common.h"

struct ep_resize_bilinear_float {
    int32_t batches;
    int32_t in_h, in_w, channels;
    int32_t out_h, out_w;
    const int32_t *row_low, *row_high;       /* [out_h], the input rows it lies between */
    const float *row_near, *row_far;         /* [out_h], their weights */
    const int32_t *column_low, *column_high; /* [out_w] */
    const float *column_near, *column_far;   /* [out_w] */
};

/* One element's part of the sum. The product goes through memory, so that no compiler fuses it with the sum and skips a rounding. */
EP_INLINE float ep_resize_part(int8_t element, float row, float column)
{
    volatile float part = (float)(element + 128) * row;
    part = part * column;
    return part;
}

EP_KERNEL void ep_resize_bilinear_float(const struct ep_resize_bilinear_float *op, const int8_t *input, int8_t *output)
{
    int32_t batch, oy, ox, c;
    for (batch = 0; batch < op->batches; batch++, input += op->in_h * op->in_w * op->channels) {
        for (oy = 0; oy < op->out_h; oy++) {
            const int8_t *const above = input + op->row_low[oy] * op->in_w * op->channels;
            const int8_t *const below = input + op->row_high[oy] * op->in_w * op->channels;
            const float up = op->row_near[oy], down = op->row_far[oy];
            for (ox = 0; ox < op->out_w; ox++) {
                const int32_t left = op->column_low[ox] * op->channels, right = op->column_high[ox] * op->channels;
                const float near = op->column_near[ox], far = op->column_far[ox];
                for (c = 0; c < op->channels; c++) {
                    float sum = ep_resize_part(above[left + c], up, near) + ep_resize_part(below[left + c], down, near);
                    sum = sum + ep_resize_part(above[right + c], up, far);
                    sum = sum + ep_resize_part(below[right + c], down, far);
                    *output++ = (int8_t)((int32_t)(sum + 0.5f) - 128);
                }
            }
        }
    }
}

#endif
