/* QUANTIZE between uint8 and int8 of one scale, zero points 128 apart: the highest bit flips. */
#ifndef EP_FLIP_SIGN_H
#define EP_FLIP_SIGN_H

#include "ep_common.h"

struct ep_flip_sign {
    int32_t size;
};

EP_KERNEL void ep_flip_sign(const struct ep_flip_sign *op, const void *input, void *output)
{
    const uint8_t *const from = (const uint8_t *)input;
    uint8_t *const to = (uint8_t *)output;
    int32_t i;
    for (i = 0; i < op->size; i++) {
        to[i] = (uint8_t)(from[i] ^ 0x80u);
    }
}

#endif
