/* ADD_N of up to eight tensors: plain integers modulo 2^32, float32 from the first on, int8 requantised once.
 *
 * As in the reference, a sum of int8 starts at a stored 0, so minus the zero point. */
#ifndef EP_ADD_N_H
#define EP_ADD_N_H

#include "ep_fixed_point.h"
#include "ep_number.h"

struct ep_add_n {
    int32_t size, count, type;
    int32_t zero, out_zero, out_multiplier, out_shift; /* int8 */
};

EP_KERNEL void ep_add_n(const struct ep_add_n *op, const void *a, const void *b, const void *c, const void *d, const void *e,
                        const void *f, const void *g, const void *h, void *output)
{
    const void *const inputs[8] = {a, b, c, d, e, f, g, h};
    int32_t i, n;
    for (i = 0; i < op->size; i++) {
        if (op->type == EP_FLOAT32) {
            float sum = 0.0f;
            for (n = 0; n < op->count; n++) {
                sum += ((const float *)inputs[n])[i];
            }
            ((float *)output)[i] = sum;
        } else {
            uint32_t sum = 0;
            for (n = 0; n < op->count; n++) {
                sum += (uint32_t)ep_load(inputs[n], i, op->type);
            }
            if (op->type == EP_INT8) { /* in steps of 2^-20 of twice the input's scale */
                const int32_t steps = ((int32_t)sum - (op->count + 1) * op->zero) * (1 << 19);
                const int32_t y = op->out_zero + ep_requantize(steps, op->out_multiplier, op->out_shift);
                sum = (uint32_t)ep_clamp(y, -128, 127);
            }
            ep_store(output, i, op->type, (int32_t)sum);
        }
    }
}

#endif
