/* FULLY_CONNECTED, int8: one dot product an output. The input's zero point is folded into the bias. */
#ifndef EP_FULLY_CONNECTED_H
#define EP_FULLY_CONNECTED_H

#include "ep_fixed_point.h"

struct ep_fully_connected {
    EP_SIZE batches, in_size, out_size;
    EP_SIZE out_zero, out_min, out_max;
    EP_SIZE per_channel;       /* 1: a multiplier and shift for each output, 0: one for all */
    const int8_t *weights;     /* [out_size][in_size] */
    const int32_t *bias;       /* [out_size], input zero point folded in */
    const int32_t *multiplier; /* [out_size or 1] */
    const int8_t *shift;       /* [out_size or 1] */
};

EP_KERNEL void ep_fully_connected(const struct ep_fully_connected *op, const int8_t *input, int8_t *output)
{
    int32_t batch, o, i;
    for (batch = 0; batch < op->batches; batch++, input += op->in_size) {
        const int8_t *weights = op->weights;
        for (o = 0; o < op->out_size; o++, weights += op->in_size) {
            const int32_t q = op->per_channel ? o : 0;
            int32_t acc = op->bias[o];
            for (i = 0; i < op->in_size; i++) {
                acc += input[i] * weights[i];
            }
            acc = op->out_zero + ep_requantize(acc, op->multiplier[q], op->shift[q]);
            *output++ = (int8_t)ep_clamp(acc, op->out_min, op->out_max);
        }
    }
}

#endif
