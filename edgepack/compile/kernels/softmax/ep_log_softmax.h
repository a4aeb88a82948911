/* LOG_SOFTMAX over the last axis of int8, to steps of 1/16: the difference from the maximum less the log of the exponentials' sum. */
#ifndef EP_LOG_SOFTMAX_H
#define EP_LOG_SOFTMAX_H

#include "ep_softmax_exp.h"

struct ep_log_softmax {
    struct ep_softmax_form form;
    int32_t reverse_multiplier, reverse_shift; /* from Q5.26 to steps of the input */
};

/* (a + b) / 2, halves away from zero. */
EP_INLINE int32_t ep_half_sum(int32_t a, int32_t b)
{
    const int64_t sum = (int64_t)a + b;
    return (int32_t)((sum + (sum >= 0 ? 1 : -1)) / 2);
}

/* log(x) in Q5.26 for x >= 1 in Q12.19: a power of two, and a rational function of what is left around sqrt(sqrt(1/2)). */
EP_INLINE int32_t ep_log(int32_t x)
{
    const int32_t root = 1805811301, root_half = 1518500250; /* sqrt(sqrt(1/2)) and sqrt(1/2) in Q0.31 */
    const int32_t quarter = 1 << 23;                         /* in Q6.25 */
    const int32_t zeros_a = ep_leading_zeros((uint32_t)x), b = ep_high_mul(x, root_half);
    const int32_t zeros_b = ep_leading_zeros((uint32_t)b) - 1;
    const int32_t left_a = ep_high_mul(ep_shift_left_saturated(x, zeros_a - 1), root_half);
    const int32_t r = ep_min(ep_shift_left_saturated(left_a, 1), ep_shift_left_saturated(x, zeros_b));
    const int32_t power = ep_max((12 - zeros_a) * (1 << 25) + quarter, (12 - zeros_b) * (1 << 25) - quarter);
    const int32_t p = ep_half_sum(r, root), q = (r - root) * 2, q2 = ep_high_mul(q, q);
    const int32_t numerator = ep_high_mul(q, r) + ep_high_mul(ep_high_mul(q, q2), 117049297);
    const int32_t inner = 1057819769 + q + ep_high_mul(127690142, q2);
    const int32_t reciprocal = ep_reciprocal_one_plus(ep_high_mul(p, inner) + ep_high_mul(638450708, q));
    const int32_t part = ep_high_mul(ep_divide_by_power(numerator, 6), reciprocal);
    return ep_shift_left_saturated(ep_high_mul(power, 1488522236) + part, 1); /* log(2) in Q0.31 */
}

EP_KERNEL void ep_log_softmax(const struct ep_log_softmax *softmax, const int8_t *input, int8_t *output)
{
    const struct ep_softmax_form *const op = &softmax->form;
    int32_t row, c;
    for (row = 0; row < op->rows; row++, input += op->depth, output += op->depth) {
        int32_t maximum = -128, sum = 0, log_sum, least;
        for (c = 0; c < op->depth; c++) {
            maximum = ep_max(maximum, input[c]);
        }
        for (c = 0; c < op->depth; c++) {
            if (input[c] - maximum >= op->diff_min) {
                sum += ep_divide_by_power(ep_softmax_exp(op, input[c] - maximum), 12);
            }
        }
        log_sum = ep_log(sum);
        least = ep_requantize(log_sum + INT32_MIN, softmax->reverse_multiplier, softmax->reverse_shift);
        least = ep_max(op->diff_min - 1, least);
        for (c = 0; c < op->depth; c++) {
            const int32_t diff = input[c] - maximum;
            int32_t y = -128;
            if (diff > least) {
                const int32_t scaled = ep_high_mul(ep_shift_left(diff, op->left_shift), op->multiplier);
                y = ep_clamp(127 + ep_divide_by_power(scaled - log_sum, 22), -128, 127);
            }
            output[c] = (int8_t)y;
        }
    }
}

#endif
