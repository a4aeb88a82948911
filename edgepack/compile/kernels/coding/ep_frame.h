/* Frame: biases and multipliers in as many bits as they differ by, see edgepack/coding/frame.py. */
#ifndef EP_FRAME_H
#define EP_FRAME_H

#include "ep_decoder.h"

#define EP_FRAME_HEAD 8  /* bytes before the entries */
#define EP_FRAME_ENTRY 8 /* bytes of an entry: a bias and a multiplier */

/* The next bits of the code, up to 32, the first in the lowest place; zeros after its end. */
EP_NOINLINE uint32_t ep_frame_bits(struct ep_frame *frame, uint32_t count)
{
    uint32_t at = frame->bit >> 3, value = 0;
    int32_t place = -(int32_t)(frame->bit & 7u);
    if (count - 1 > 31) { /* none, or damaged */
        return 0;
    }
    frame->bit += count;
    for (; place < (int32_t)count && at < frame->bytes; place += 8) {
        const uint32_t byte = frame->code[at++];
        value |= place < 0 ? byte >> -place : byte << place;
    }
    return value & 0xFFFFFFFFu >> (32 - count);
}

EP_SMALL void ep_frame_begin(struct ep_frame *frame, const uint8_t *code, int32_t bytes)
{
    uint8_t *const head = &frame->entries;
    uint32_t k;
    frame->code = code;
    frame->bytes = (uint32_t)bytes;
    frame->bit = 0;
    for (k = 0; k < EP_FRAME_HEAD; k++) {
        head[k] = (uint8_t)ep_frame_bits(frame, 8);
    }
    frame->bit += 8u * EP_FRAME_ENTRY * frame->entries;
    if (frame->bit > 8 * frame->bytes) { /* damaged */
        frame->entries = 0;
    }
}

/* The next channel's bias and multiplier. */
EP_SMALL void ep_frame_channel(struct ep_frame *frame, uint32_t *bias, uint32_t *multiplier)
{
    const uint32_t which = ep_frame_bits(frame, frame->which);
    uint32_t entry[2] = {0, 0};
    if (which < frame->entries) {
        memcpy(entry, frame->code + EP_FRAME_HEAD + EP_FRAME_ENTRY * which, EP_FRAME_ENTRY);
    }
    *bias = entry[0] + (ep_frame_bits(frame, frame->bias_bits) << (frame->bias_zeros & 31u));
    *multiplier = entry[1] + (ep_frame_bits(frame, frame->multiplier_bits) << (frame->multiplier_zeros & 31u));
}

#endif
