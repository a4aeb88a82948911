/* QUANTIZE between uint8 and int8, or of uint8 to another scale: 256 results computed at compile time, looked up. */
#ifndef EP_TABLE_OF_BYTES_H
#define EP_TABLE_OF_BYTES_H

#include "ep_common.h"

struct ep_table_of_bytes {
    int32_t size;
    const uint8_t *results; /* [256], stored bytes for the stored bytes 0 to 255 */
};

EP_KERNEL void ep_table_of_bytes(const struct ep_table_of_bytes *op, const void *input, void *output)
{
    const uint8_t *const from = (const uint8_t *)input;
    uint8_t *const to = (uint8_t *)output;
    int32_t i;
    for (i = 0; i < op->size; i++) {
        to[i] = op->results[from[i]];
    }
}

#endif
