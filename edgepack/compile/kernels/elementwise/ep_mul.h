/* MUL, int8, of two tensors of one shape. */
#ifndef EP_MUL_H
#define EP_MUL_H

#include "ep_mul_element.h"

EP_KERNEL void ep_mul(const struct ep_mul *op, const int8_t *a, const int8_t *b, int8_t *output)
{
    int32_t i;
    for (i = 0; i < op->size; i++) {
        output[i] = ep_mul_one(op, a[i], b[i]);
    }
}

#endif
