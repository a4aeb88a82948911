/* SUM, REDUCE_PROD, REDUCE_MAX, REDUCE_MIN of plain integers, REDUCE_ANY and REDUCE_ALL of bool (the largest, the smallest). */
#ifndef EP_INTEGER_REDUCE_H
#define EP_INTEGER_REDUCE_H

#include "ep_number.h"
#include "ep_reduce.h"

struct ep_integer_reduce {
    struct ep_reduce shape;
    int32_t outputs, type;
    int32_t function; /* 0: the sum, 1: the product, both modulo 2^32 (2^64), 2: the largest, 3: the smallest */
};

EP_KERNEL void ep_integer_reduce(const struct ep_integer_reduce *op, const void *input, void *output)
{
    int32_t i, a, b, c;
    for (i = 0; i < op->outputs; i++) {
        const int32_t first = ep_reduce_start(&op->shape, i);
        int64_t result = op->function < 2 ? op->function : ep_load(input, first, op->type);
        for (a = 0; a < op->shape.reduced[0]; a++) {
            for (b = 0; b < op->shape.reduced[1]; b++) {
                int32_t at = first + a * op->shape.reduced_stride[0] + b * op->shape.reduced_stride[1];
                for (c = 0; c < op->shape.reduced[2]; c++, at += op->shape.reduced_stride[2]) {
                    const int64_t x = ep_load(input, at, op->type);
                    if (op->function == 0) {
                        result = (int64_t)((uint64_t)result + (uint64_t)x);
                    } else if (op->function == 1) {
                        result = (int64_t)((uint64_t)result * (uint64_t)x);
                    } else if ((op->function == 2) == (x > result)) {
                        result = x;
                    }
                }
            }
        }
        ep_store(output, i, op->type, result);
    }
}

#endif
