/* FULLY_CONNECTED, int8, whose weights have a zero point, as those of a uint8 model: else as ep_fully_connected.h.
 *
 * The sum of x * (w - zero) is that of x * w less zero times the sum of x, which is one number for a row of inputs. */
#ifndef EP_FULLY_CONNECTED_WIDE_H
#define EP_FULLY_CONNECTED_WIDE_H

#include "ep_fixed_point.h"

struct ep_fully_connected_wide {
    int32_t batches, in_size, out_size;
    int32_t out_zero, out_min, out_max;
    int32_t weight_zero;       /* of the stored bytes: weights are what they are above it */
    const int8_t *weights;     /* [out_size][in_size] */
    const int32_t *bias;       /* [out_size], input zero point folded in */
    const int32_t *multiplier; /* [1] */
    const int8_t *shift;       /* [1] */
};

EP_KERNEL void ep_fully_connected_wide(const struct ep_fully_connected_wide *op, const int8_t *input, int8_t *output)
{
    int32_t batch, o, i;
    for (batch = 0; batch < op->batches; batch++, input += op->in_size) {
        const int8_t *weights = op->weights;
        int32_t sum = 0;
        for (i = 0; i < op->in_size; i++) {
            sum += input[i];
        }
        sum = ep_multiply_wrapped(sum, op->weight_zero);
        for (o = 0; o < op->out_size; o++, weights += op->in_size) {
            int32_t acc = ep_subtract_wrapped(op->bias[o], sum);
            for (i = 0; i < op->in_size; i++) {
                acc = ep_add_wrapped(acc, input[i] * weights[i]);
            }
            acc = op->out_zero + ep_requantize(acc, op->multiplier[0], op->shift[0]);
            *output++ = (int8_t)ep_clamp(acc, op->out_min, op->out_max);
        }
    }
}

#endif
