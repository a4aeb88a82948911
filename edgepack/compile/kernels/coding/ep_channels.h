/* Bring biases and multipliers back, in the order in which a kernel reads them. */
#ifndef EP_CHANNELS_H
#define EP_CHANNELS_H

#include "ep_frame.h"

struct ep_channels {
    const uint8_t *code; /* NULL: go on with what was begun */
    int32_t bytes;
    int32_t channels; /* so many biases side by side, */
    int32_t words;    /* so many words of bytes, and as many multipliers as biases */
    int32_t blocks;
};

EP_SMALL void ep_channels(const struct ep_channels *op, const int8_t *input, int8_t *output, void *scratch)
{
    struct ep_frame *const frame = &((struct ep_decoder *)scratch)->frame;
    uint32_t *out = (uint32_t *)(void *)output;
    int32_t block, k;
    (void)input;
    if (op->code != NULL) {
        ep_frame_begin(frame, op->code, op->bytes);
    }
    for (block = op->blocks; block > 0; block--) {
        EP_NO_UNROLL
        for (k = op->channels; k > 0; k--, out++) {
            ep_frame_channel(frame, out, out + op->channels + op->words);
        }
        EP_NO_UNROLL
        for (k = 0; k < 4 * op->words; k++) {
            ((uint8_t *)out)[k] = (uint8_t)(frame->least + ep_frame_bits(frame, frame->byte_bits));
        }
        out += op->words + op->channels;
    }
}

#endif
