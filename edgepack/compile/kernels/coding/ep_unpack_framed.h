/* Bring a portion of the stream of ep_gemm.h back, whose biases and multipliers are coded as well. */
#ifndef EP_UNPACK_FRAMED_H
#define EP_UNPACK_FRAMED_H

#include "ep_framed_channel.h"
#include "ep_pairs.h"

#define EP_FRAMED_LAST 1u  /* a group's marks: bit 31 of its first multiplier, */
#define EP_FRAMED_WHOLE 2u /* that multiplier is not halved, */
#define EP_FRAMED_WIDE 4u  /* fifteen words as they are */

struct ep_unpack_framed {
    int32_t bytes; /* of biases and multipliers behind the weights' code, for the first portion; then 0 */
    int32_t count; /* of a group's values */
    int32_t groups;
    int32_t wide; /* so many of them */
};

EP_SMALL void ep_unpack_framed(const struct ep_unpack_framed *op, const int8_t *input, int8_t *output, void *scratch)
{
    struct ep_decoder *const decoder = (struct ep_decoder *)scratch;
    struct ep_frame *const frame = &decoder->frame;
    uint32_t *out = (uint32_t *)(void *)output, marks = 0;
    int32_t groups, wide = op->wide;
    (void)input;
    if (op->bytes > 0) {
        ep_frame_begin(frame, EP_DECODER_BEHIND(decoder), op->bytes);
    }
    for (groups = op->groups; groups > 0; groups--) {
        uint32_t *const tail = ep_pairs(decoder, out + 2, op->count);
        marks = (marks & EP_FRAMED_LAST) != 0 ? 0 : marks;
        if (ep_frame_bits(frame, 1) != 0) {
            marks = ep_frame_bits(frame, 3);
        }
        if ((marks & EP_FRAMED_WIDE) != 0 && wide > 0) { /* no more of them than there is room for, also where damaged */
            int32_t k;
            wide--;
            out[0] = ep_frame_bits(frame, 32);
            out[1] = ep_frame_bits(frame, 32);
            EP_NO_UNROLL
            for (k = 0; k < 15; k++) {
                tail[k] = ep_frame_bits(frame, 32);
            }
            out = tail + 15;
        } else {
            ep_framed_channel(frame, marks & EP_FRAMED_WHOLE, tail, tail + 1);
            ep_framed_channel(frame, marks & EP_FRAMED_WHOLE, out, tail + 2);
            ep_framed_channel(frame, marks & EP_FRAMED_WHOLE, tail + 3, tail + 4);
            ep_framed_channel(frame, marks & EP_FRAMED_WHOLE, out + 1, tail + 5);
            tail[1] = ((marks & EP_FRAMED_WHOLE) != 0 ? tail[1] : tail[1] >> 1) | marks << 31;
            out = tail + 6;
        }
    }
}

#endif
