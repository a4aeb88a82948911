/* No code: values as they are, copied portion by portion. */
#ifndef EP_COPIED_H
#define EP_COPIED_H

#include "ep_decoder.h"

EP_NOINLINE void ep_copied_next(struct ep_decoder *decoder, int8_t *out, int32_t count)
{
    const int32_t left = (int32_t)(decoder->end - decoder->at), taken = ep_min(count, left);
    memcpy(out, decoder->at, (size_t)taken);
    memset(out + taken, 0, (size_t)(count - taken));
    decoder->at += taken;
}

EP_SMALL void ep_copied(const struct ep_code *op, const int8_t *input, int8_t *output, void *scratch)
{
    (void)input;
    (void)output;
    ep_decoder_begin(op, scratch, ep_copied_next);
}

#endif
