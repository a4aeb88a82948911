/* Frame: biases and multipliers in as many bits as they differ by, see edgepack/coding/frame.py. */
#ifndef EP_FRAME_H
#define EP_FRAME_H

#include "ep_decoder.h"
#include "ep_dsp.h"

#define EP_FRAME_FIELDS 7 /* of EP_FRAME_FIELD bits, at the beginning, */
#define EP_FRAME_FIELD 6
#define EP_FRAME_HEAD 50 /* with eight bits more */

/* The next bits of the code, up to 32, the first in the lowest place; zeros after its end. */
EP_NOINLINE uint32_t ep_frame_bits(struct ep_frame *frame, uint32_t count)
{
    const uint32_t begun = frame->bit & 7u;
    uint32_t at = frame->bit >> 3, value = 0;
    if (count - 1 > 31) { /* none, or damaged */
        return 0;
    }
    frame->bit += count;
    if (at < frame->bytes && frame->bytes - at >= 8) {
        const int8_t *const bytes = (const int8_t *)frame->code + at;
        value = ep_load4(bytes) >> begun | ep_load4(bytes + 4) << 1 << (31 - begun);
    } else {
        int32_t place = -(int32_t)begun;
        EP_NO_UNROLL
        for (; place < (int32_t)count; place += 8, at++) {
            const uint32_t byte = at < frame->bytes ? frame->code[at] : 0u;
            value |= place < 0 ? byte >> -place : byte << place;
        }
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
    EP_NO_UNROLL
    for (k = 0; k < EP_FRAME_FIELDS; k++) {
        head[k] = (uint8_t)ep_frame_bits(frame, EP_FRAME_FIELD);
    }
    frame->least = (uint8_t)ep_frame_bits(frame, 8);
    frame->least_bias = ep_frame_bits(frame, 32u - frame->bias_end) << (frame->bias_end & 31u);
    frame->least_multiplier = ep_frame_bits(frame, 32u - frame->multiplier_end) << (frame->multiplier_end & 31u);
    frame->bit = EP_FRAME_HEAD + 64u + frame->entries * ((uint32_t)frame->bias_end + frame->multiplier_end);
}

/* The next channel's bias and multiplier. */
EP_SMALL void ep_frame_channel(struct ep_frame *frame, uint32_t *bias, uint32_t *multiplier)
{
    const uint32_t bias_end = frame->bias_end, multiplier_end = frame->multiplier_end;
    const uint32_t which = ep_frame_bits(frame, frame->which);
    const uint32_t upper = ep_frame_bits(frame, frame->bias_bits) << (bias_end & 31u);
    const uint32_t upper_multiplier = ep_frame_bits(frame, frame->multiplier_bits) << (multiplier_end & 31u);
    const uint32_t next = frame->bit;
    frame->bit = EP_FRAME_HEAD + 64u - bias_end - multiplier_end + which * (bias_end + multiplier_end);
    *bias = frame->least_bias + upper + ep_frame_bits(frame, bias_end);
    *multiplier = frame->least_multiplier + upper_multiplier + ep_frame_bits(frame, multiplier_end);
    frame->bit = next;
}

#endif
