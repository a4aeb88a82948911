/* L2_NORMALIZATION over the last axis, int8: each row divided by its length, to steps of 1/128. */
#ifndef EP_L2_NORMALIZATION_H
#define EP_L2_NORMALIZATION_H

#include "ep_exp.h"

struct ep_l2_normalization {
    int32_t rows, depth, zero;
    int32_t early; /* of the 7 bits of 1/128, those shifted in before the multiplication: all for what was uint8, or none */
};

/* 1 / sqrt(x) for x > 0 as a multiplier and a right shift: five Newton steps in Q3.28 (GetInvSqrtQuantizedMultiplierExp). */
EP_INLINE int32_t ep_inverse_square_root(int32_t x, int32_t *right)
{
    const int32_t half_three = (1 << 28) + (1 << 27);
    int32_t root = 1 << 28, half, i, pairs;
    *right = 11;
    if (x <= 1) {
        *right = 0;
        return INT32_MAX;
    }
    while (x >= (1 << 29)) {
        x /= 4;
        ++*right;
    }
    pairs = (ep_leading_zeros((uint32_t)x) - 1) / 2 - 1;
    *right -= pairs;
    half = ep_divide_by_power(ep_shift_left(x, 2 * pairs) >> 1, 1);
    for (i = 0; i < 5; i++) {
        const int32_t cube = ep_shift_left_saturated(ep_high_mul(ep_high_mul(root, root), root), 6);
        root = ep_shift_left_saturated(ep_high_mul(half_three, root) - ep_high_mul(half, cube), 3);
    }
    root = ep_high_mul(root, 1518500250); /* sqrt(1/2) */
    if (*right < 0) {
        root = ep_shift_left(root, -*right);
        *right = 0;
    }
    return root;
}

EP_KERNEL void ep_l2_normalization(const struct ep_l2_normalization *op, const int8_t *input, int8_t *output)
{
    int32_t row, c;
    for (row = 0; row < op->rows; row++, input += op->depth, output += op->depth) {
        int32_t squares = 0, multiplier, right;
        for (c = 0; c < op->depth; c++) {
            const int32_t x = input[c] - op->zero;
            squares += x * x;
        }
        multiplier = ep_inverse_square_root(squares, &right);
        for (c = 0; c < op->depth; c++) {
            const int32_t x = ep_shift_left(input[c] - op->zero, op->early);
            const int32_t y = ep_requantize(x, multiplier, 7 - op->early - right);
            output[c] = (int8_t)ep_clamp(y, -128, 127);
        }
    }
}

#endif
