/* Bring a portion of coded constants back, in the form that a kernel reads. */
#ifndef EP_UNPACK_H
#define EP_UNPACK_H

#include "ep_decoder.h"
#include "ep_dsp.h"

#define EP_UNPACK_BYTES 0  /* the values as they are */
#define EP_UNPACK_HALVES 1 /* as int16 */
#define EP_UNPACK_STREAM 2 /* groups of the stream of ep_gemm.h */

struct ep_unpack {
    int32_t form;
    int32_t count;  /* values; of a stream those of one group */
    int32_t groups; /* of a stream */
};

/* Four values of each of four channels, A to D, become the words of two pairs, in the same place. */
EP_INLINE void ep_unpack_pairs(uint32_t *words)
{
    const uint32_t a = words[0], b = words[1], c = words[2], d = words[3], upper = 0xFF00FF00u;
    words[0] = ep_add_halves(ep_sxtb16(a), b << 8 & upper);
    words[1] = ep_add_halves(ep_sxtb16(c), d << 8 & upper);
    words[2] = ep_add_halves(ep_sxtb16_odd(a), b & upper);
    words[3] = ep_add_halves(ep_sxtb16_odd(c), d & upper);
}

/* Groups: two biases, the pairs' words, and six words, or fifteen where the second but for its highest bit is nothing. */
EP_INLINE void ep_unpack_stream(struct ep_decoder *decoder, uint32_t *out, int32_t count, int32_t groups)
{
    const int32_t *constants = decoder->constants;
    for (; groups > 0; groups--) {
        int32_t k, rest = (constants[3] & 0x7FFFFFFF) != 0 ? 6 : 15;
        *out++ = (uint32_t)*constants++;
        *out++ = (uint32_t)*constants++;
        decoder->next(decoder, (int8_t *)out, count);
        EP_NO_UNROLL
        for (k = 0; k < count; k += 16, out += 4) {
            ep_unpack_pairs(out);
        }
        EP_NO_UNROLL
        for (; rest > 0; rest--) {
            *out++ = (uint32_t)*constants++;
        }
    }
    decoder->constants = constants;
}

EP_NOINLINE void ep_unpack(const struct ep_unpack *op, const int8_t *input, int8_t *output, void *scratch)
{
    struct ep_decoder *const decoder = (struct ep_decoder *)scratch;
    (void)input;
    if (op->form == EP_UNPACK_STREAM) {
        ep_unpack_stream(decoder, (uint32_t *)(void *)output, op->count, op->groups);
    } else if (op->form == EP_UNPACK_HALVES) {
        int16_t *const halves = (int16_t *)(void *)output;
        int32_t k;
        decoder->next(decoder, output + op->count, op->count);
        EP_NO_UNROLL
        for (k = 0; k < op->count; k++) {
            halves[k] = output[op->count + k];
        }
    } else {
        decoder->next(decoder, output, op->count);
    }
}

#endif
