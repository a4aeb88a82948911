/* DIV (truncated), FLOOR_DIV and FLOOR_MOD of plain integers, with broadcasting. A division by zero gives zero. */
#ifndef EP_INTEGER_DIVISION_H
#define EP_INTEGER_DIVISION_H

#include "ep_number.h"
#include "ep_rows.h"

struct ep_integer_division {
    int32_t type;
    int32_t floor;     /* 1: round the quotient down, 0: towards zero */
    int32_t remainder; /* 1: what is left, 0: the quotient */
    int32_t clamped, out_min, out_max;
    struct ep_rows shape;
};

EP_INLINE int64_t ep_divide_one(const struct ep_integer_division *op, int64_t a, int64_t b)
{
    int64_t quotient, left;
    if (b == 0 || b == -1) { /* the smallest number has no negative: wrap */
        return b == 0 || op->remainder ? 0 : (int64_t)(0u - (uint64_t)a);
    }
    quotient = a / b;
    left = a % b;
    if (op->floor && left != 0 && (left < 0) != (b < 0)) {
        quotient--;
        left += b;
    }
    return op->remainder ? left : quotient;
}

EP_KERNEL void ep_integer_division(const struct ep_integer_division *op, const void *first, const void *second, void *output)
{
    const struct ep_rows *const shape = &op->shape;
    int32_t row, i, a, b, at = 0;
    for (row = 0; row < shape->rows; row++) {
        ep_broadcast_offsets(&shape->outer, row, &a, &b);
        for (i = 0; i < shape->columns; i++, a += shape->step_1, b += shape->step_2, at++) {
            ep_store(output, at, op->type, ep_divide_one(op, ep_load(first, a, op->type), ep_load(second, b, op->type)));
            if (op->clamped) {
                const int64_t z = ep_load(output, at, op->type);
                ep_store(output, at, op->type, z < op->out_min ? op->out_min : z > op->out_max ? op->out_max : z);
            }
        }
    }
}

#endif
