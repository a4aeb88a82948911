/* CAST between plain types: floats are cut off towards zero, integers keep their low bits, a bool is "not zero".
 *
 * What a float's integer part does not fit becomes the smallest 32-bit (64-bit) integer, as the reference's x86 build converts it. */
#ifndef EP_CAST_H
#define EP_CAST_H

#include "ep_number.h"

struct ep_cast {
    int32_t size, from, to;
    int32_t boolean; /* the output is bool */
};

EP_INLINE int64_t ep_whole(float x, int32_t type)
{
    if (type == EP_INT64) {
        return x >= -9223372036854775808.0f && x < 9223372036854775808.0f ? (int64_t)x : INT64_MIN;
    }
    return x >= -2147483648.0f && x < 2147483648.0f ? (int32_t)x : INT32_MIN;
}

EP_KERNEL void ep_cast(const struct ep_cast *op, const void *input, void *output)
{
    int32_t i;
    for (i = 0; i < op->size; i++) {
        if (op->from == EP_FLOAT32) {
            const float x = ((const float *)input)[i];
            ep_store(output, i, op->to, op->boolean ? (x < 0.0f || !(x <= 0.0f)) : ep_whole(x, op->to));
        } else {
            const int64_t x = ep_load(input, i, op->from);
            if (op->to == EP_FLOAT32) {
                ((float *)output)[i] = (float)x;
            } else {
                ep_store(output, i, op->to, op->boolean ? x != 0 : x);
            }
        }
    }
}

#endif
