/* FULLY_CONNECTED, int16 activations and int8 weights: one dot product an output. Zero points are 0. */
#ifndef EP_FULLY_CONNECTED_INT16_H
#define EP_FULLY_CONNECTED_INT16_H

#include "ep_fixed_point_64.h"

struct ep_fully_connected_int16 {
    int32_t batches, in_size, out_size;
    int32_t per_channel;            /* 1 when each output has a multiplier of its own */
    int32_t wide, out_min, out_max; /* wide: 64-bit accumulators */
    const int8_t *weights;          /* [out_size][in_size] */
    const int64_t *bias;            /* [out_size] */
    const int32_t *multiplier;      /* [1] or [out_size]; 16 bits when wide */
    const int8_t *shift;            /* [1] or [out_size] */
};

EP_KERNEL void ep_fully_connected_int16(const struct ep_fully_connected_int16 *op, const int16_t *input, int16_t *output)
{
    int32_t batch, o;
    for (batch = 0; batch < op->batches; batch++, input += op->in_size) {
        for (o = 0; o < op->out_size; o++) {
            const int64_t acc = op->bias[o] + ep_dot_int16(input, op->weights + o * op->in_size, op->in_size);
            const int32_t scale = o * op->per_channel;
            const int32_t q = ep_requantize_int16(acc, op->multiplier[scale], op->shift[scale], op->wide);
            *output++ = (int16_t)ep_clamp(q, op->out_min, op->out_max);
        }
    }
}

#endif
