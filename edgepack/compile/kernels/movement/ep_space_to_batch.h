/* SPACE_TO_BATCH_ND, int8: the pixels at each position of a block become a batch of their own, padding the zero point. */
#ifndef EP_SPACE_TO_BATCH_H
#define EP_SPACE_TO_BATCH_H

#include "ep_common.h"

struct ep_space_to_batch {
    int32_t batches;
    int32_t in_h, in_w, bytes; /* bytes of a pixel */
    int32_t out_h, out_w;
    int32_t block_h, block_w;
    int32_t pad_top, pad_left;
    int32_t zero;
};

EP_KERNEL void ep_space_to_batch(const struct ep_space_to_batch *op, const int8_t *input, int8_t *output)
{
    int32_t batch, oy, ox;
    for (batch = 0; batch < op->block_h * op->block_w * op->batches; batch++) {
        const int32_t position = batch / op->batches; /* inside the block */
        const int8_t *const image = input + batch % op->batches * op->in_h * op->in_w * op->bytes;
        for (oy = 0; oy < op->out_h; oy++) {
            const int32_t y = oy * op->block_h + position / op->block_w - op->pad_top;
            for (ox = 0; ox < op->out_w; ox++, output += op->bytes) {
                const int32_t x = ox * op->block_w + position % op->block_w - op->pad_left;
                if (y >= 0 && y < op->in_h && x >= 0 && x < op->in_w) {
                    memcpy(output, image + (y * op->in_w + x) * op->bytes, (size_t)op->bytes);
                } else {
                    memset(output, op->zero, (size_t)op->bytes);
                }
            }
        }
    }
}

#endif
