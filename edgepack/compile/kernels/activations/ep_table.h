/* Any function of one int8: 256 results computed at compile time, looked up. */
#ifndef EP_TABLE_H
#define EP_TABLE_H

#include "ep_common.h"

struct ep_table {
    int32_t size;
    const int8_t *results; /* [256], for inputs -128 to 127 */
};

EP_KERNEL void ep_table(const struct ep_table *op, const int8_t *input, int8_t *output)
{
    const int8_t *const middle = op->results + 128;
    int32_t i;
    for (i = 0; i < op->size; i++) {
        output[i] = middle[input[i]];
    }
}

#endif
