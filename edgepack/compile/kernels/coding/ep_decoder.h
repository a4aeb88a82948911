/* How coded weights come back: a decoder is begun with a tensor's code, and then hands out its values in order, in as many portions as
 * one likes, each of a multiple of EP_UNIT values. It keeps what it needs in memory that the caller gives it.
 *
 * A damaged code gives wrong values: decoders read nothing beyond its end, and write no more than they are asked for. */
#ifndef EP_DECODER_H
#define EP_DECODER_H

#include "ep_common.h"

/* Codes lie in flash as they are: all of a code is at hand. Where they are encrypted, ep_cipher_window.h has other meanings of these: a code has
 * been begun; more of it is needed; where the coded biases and multipliers lie. */
#ifndef EP_DECODER_BEGUN
#define EP_DECODER_BEGUN(decoder) ((void)(decoder))
#define EP_DECODER_FILL(decoder) ((void)(decoder))
#define EP_DECODER_BEHIND(decoder) ((decoder)->end)
#endif

#define EP_UNIT 8
#define EP_DECODER_HEAD 72 /* bytes that struct ep_decoder may take, on a 64-bit host too; its table follows */

/* Biases and multipliers in a code of their own, see ep_frame.h: the code, the bit that is read next, and the code's first numbers. */
struct ep_frame {
    const uint8_t *code;
    uint32_t bytes, bit, least_bias, least_multiplier;
    uint8_t entries, which, bias_end, bias_bits, multiplier_end, multiplier_bits, byte_bits, least;
};

struct ep_decoder {
    const uint8_t *at, *end;  /* what is left of the code */
    const int32_t *constants; /* what is left of the numbers that lie between weights, */
    struct ep_frame frame;    /* or where they are coded */
    void (*next)(struct ep_decoder *, int8_t *, int32_t);
    uint32_t state, left;
};

EP_STATIC_ASSERT(sizeof(struct ep_decoder) <= EP_DECODER_HEAD, a_decoder_fits_its_head);

/* A tensor's code. */
struct ep_code {
    const uint8_t *code;
    int32_t bytes;
    const int32_t *constants;
};

EP_INLINE uint32_t *ep_decoder_table(struct ep_decoder *decoder) { return (uint32_t *)(void *)((int8_t *)decoder + EP_DECODER_HEAD); }

EP_INLINE struct ep_decoder *ep_decoder_begin(const struct ep_code *code, void *memory,
                                              void (*next)(struct ep_decoder *, int8_t *, int32_t))
{
    struct ep_decoder *const decoder = (struct ep_decoder *)memory;
    decoder->at = code->code;
    decoder->end = code->code + code->bytes;
    decoder->constants = code->constants;
    decoder->next = next;
    decoder->state = 0;
    decoder->left = 0;
    EP_DECODER_BEGUN(decoder);
    return decoder;
}

/* The next byte of the code, 0 after its end. */
EP_INLINE uint32_t ep_decoder_byte(struct ep_decoder *decoder) { return decoder->at < decoder->end ? *decoder->at++ : 0u; }

#endif
