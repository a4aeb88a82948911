/* ADD, SUB, MUL, MINIMUM, MAXIMUM of plain integers, with broadcasting: modulo 2^32 (2^64), then the fused activation. */
#ifndef EP_INTEGER_ARITHMETIC_H
#define EP_INTEGER_ARITHMETIC_H

#include "ep_number.h"
#include "ep_rows.h"

struct ep_integer_arithmetic {
    int32_t type;
    int32_t function; /* 0: a + b, 1: a - b, 2: a * b, 3: the smaller, 4: the larger */
    int32_t clamped, out_min, out_max;
    struct ep_rows shape;
};

EP_INLINE int64_t ep_arithmetic_one(int32_t function, int64_t a, int64_t b)
{
    const uint64_t x = (uint64_t)a, y = (uint64_t)b;
    switch (function) {
    case 0:
        return (int64_t)(x + y);
    case 1:
        return (int64_t)(x - y);
    case 2:
        return (int64_t)(x * y);
    default:
        return (function == 3) == (a < b) ? a : b;
    }
}

EP_KERNEL void ep_integer_arithmetic(const struct ep_integer_arithmetic *op, const void *first, const void *second, void *output)
{
    const struct ep_rows *const shape = &op->shape;
    int32_t row, i, a, b, at = 0;
    for (row = 0; row < shape->rows; row++) {
        ep_broadcast_offsets(&shape->outer, row, &a, &b);
        for (i = 0; i < shape->columns; i++, a += shape->step_1, b += shape->step_2, at++) {
            const int64_t x = ep_load(first, a, op->type), y = ep_load(second, b, op->type);
            ep_store(output, at, op->type, ep_arithmetic_one(op->function, x, y));
            if (op->clamped) {
                const int64_t z = ep_load(output, at, op->type);
                ep_store(output, at, op->type, z < op->out_min ? op->out_min : z > op->out_max ? op->out_max : z);
            }
        }
    }
}

#endif
