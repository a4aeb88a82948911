/* What a decoder reads when it is begun, byte by byte: small rather than fast. */
#ifndef EP_TAKE_H
#define EP_TAKE_H

#include "ep_decoder.h"

/* The next byte of the code, 0 after its end. */
EP_SMALL uint32_t ep_take(struct ep_decoder *decoder)
{
    if (decoder->at == decoder->end) {
        EP_DECODER_FILL(decoder);
    }
    return ep_decoder_byte(decoder);
}

#endif
