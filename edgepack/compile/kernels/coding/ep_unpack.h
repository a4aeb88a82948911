/* Bring a portion of coded constants back, in the form that a kernel reads. */
#ifndef EP_UNPACK_H
#define EP_UNPACK_H

#include "ep_decoder.h"

struct ep_unpack {
    int32_t halves; /* 1: as int16 */
    int32_t count;  /* of values */
};

EP_SMALL void ep_unpack(const struct ep_unpack *op, const int8_t *input, int8_t *output, void *scratch)
{
    struct ep_decoder *const decoder = (struct ep_decoder *)scratch;
    int8_t *const values = op->halves != 0 ? output + op->count : output;
    (void)input;
    decoder->next(decoder, values, op->count);
    if (op->halves != 0) {
        int16_t *const halves = (int16_t *)(void *)output;
        int32_t k;
        EP_NO_UNROLL
        for (k = 0; k < op->count; k++) {
            halves[k] = values[k];
        }
    }
}

#endif
