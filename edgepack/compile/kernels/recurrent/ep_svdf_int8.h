/* SVDF, int8 with an int8 state: each filter projects the input onto one number, remembers the last `memory` of them, and
 * weighs these over time; `rank` filters add up to an output. */
#ifndef EP_SVDF_INT8_H
#define EP_SVDF_INT8_H

#include "ep_fixed_point.h"

struct ep_svdf_int8 {
    int32_t batches, in_size, units, rank, memory;
    int32_t feature_multiplier, feature_shift; /* projection to state */
    int32_t out_multiplier, out_shift, out_zero;
    const int8_t *feature_weights; /* [units * rank][in_size] */
    const int32_t *feature_bias;   /* [units * rank], -input zero point * sum of the filter's weights */
    const int8_t *time_weights;   /* [units * rank][memory] */
    const int32_t *bias;           /* [units] */
};

EP_KERNEL void ep_svdf_int8(const struct ep_svdf_int8 *op, const int8_t *input, int8_t *state, int8_t *output)
{
    const int32_t filters = op->units * op->rank;
    int32_t batch, unit, filter, i;
    memmove(state, state + 1, (size_t)(op->batches * filters * op->memory - 1));
    for (batch = 0; batch < op->batches; batch++, input += op->in_size, state += filters * op->memory) {
        const int8_t *w = op->feature_weights;
        for (filter = 0; filter < filters; filter++, w += op->in_size) {
            int32_t acc = op->feature_bias[filter];
            for (i = 0; i < op->in_size; i++) {
                acc += input[i] * w[i];
            }
            acc = ep_requantize(acc, op->feature_multiplier, op->feature_shift);
            state[filter * op->memory + op->memory - 1] = (int8_t)ep_clamp(acc, INT8_MIN, INT8_MAX);
        }
        for (unit = 0; unit < op->units; unit++) {
            const int32_t first = unit * op->rank * op->memory;
            int32_t acc = op->bias[unit], q;
            for (i = first; i < first + op->rank * op->memory; i++) {
                acc += op->time_weights[i] * state[i];
            }
            q = op->out_zero + ep_requantize(acc, op->out_multiplier, op->out_shift);
            *output++ = (int8_t)ep_clamp(q, INT8_MIN, INT8_MAX);
        }
    }
}

#endif
