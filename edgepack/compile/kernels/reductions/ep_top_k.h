/* TOPK_V2 over the last axis: the largest elements in falling order and where they are; of equal ones the first comes first. */
#ifndef EP_TOP_K_H
#define EP_TOP_K_H

#include "ep_number.h"

struct ep_top_k {
    int32_t rows, extent, k, type;
    int32_t bytes; /* of an element */
};

/* An integer in the order of the elements; floats are ordered as their sign and magnitude. */
EP_INLINE int64_t ep_rank(const void *data, int32_t i, int32_t type)
{
    int32_t bits;
    if (type != EP_FLOAT32) {
        return ep_load(data, i, type);
    }
    memcpy(&bits, (const uint8_t *)data + (size_t)i * 4u, 4u);
    return bits < 0 ? (int64_t)INT32_MIN - bits : bits;
}

EP_KERNEL void ep_top_k(const struct ep_top_k *op, const void *input, void *values, int32_t *indices)
{
    const uint8_t *source = (const uint8_t *)input;
    uint8_t *target = (uint8_t *)values;
    int32_t row, i, at, found;
    for (row = 0; row < op->rows; row++, indices += op->k, source += op->extent * op->bytes) {
        for (i = 0, found = 0; i < op->extent; i++) { /* sorted in where it belongs, the last falling out */
            const int64_t x = ep_rank(source, i, op->type);
            at = found < op->k ? found++ : op->k;
            while (at > 0 && x > ep_rank(source, indices[at - 1], op->type)) {
                if (at < op->k) {
                    indices[at] = indices[at - 1];
                }
                at--;
            }
            if (at < op->k) {
                indices[at] = i;
            }
        }
        for (i = 0; i < op->k; i++, target += op->bytes) {
            memcpy(target, source + indices[i] * op->bytes, (size_t)op->bytes);
        }
    }
}

#endif
