/* A decoder's code that lies encrypted in flash: it is decrypted into a small window as the decoder goes on. Decoders are as they are; between
 * two portions the window is filled up with more of the code than a portion can take. */
#ifndef EP_CIPHER_WINDOW_H
#define EP_CIPHER_WINDOW_H

#ifdef EP_DECODER_H
#error "ep_cipher_window.h comes before the decoders"
#endif

struct ep_decoder;
static void ep_cipher_window_begin(struct ep_decoder *decoder);
static void ep_cipher_window_fill(struct ep_decoder *decoder);

#define EP_DECODER_BEGUN(decoder) ep_cipher_window_begin(decoder)
#define EP_DECODER_FILL(decoder) ep_cipher_window_fill(decoder)
#define EP_DECODER_BEHIND(decoder) ((const uint8_t *)(decoder)->constants) /* decrypted before */

#include "ep_decipher.h"
#include "ep_decoder.h"

#define EP_CIPHER_WINDOW_VALUES 64 /* that a decoder is asked for at once, */
#define EP_CIPHER_WINDOW_NEED 128  /* for which no code takes more bytes */
#define EP_CIPHER_WINDOW_FRESH 128 /* bytes that are decrypted at once */
#define EP_CIPHER_WINDOW_HEAD 32   /* bytes that struct ep_cipher_windowed may take, on a 64-bit host too; the window follows, and then the decoder */
#define EP_CIPHER_WINDOW_ROOM (EP_CIPHER_WINDOW_HEAD + EP_CIPHER_WINDOW_NEED + EP_CIPHER_WINDOW_FRESH)

/* Where a code lies among all that is encrypted. */
struct ep_cipher_window {
    uint32_t offset;
};

struct ep_cipher_windowed {
    const int8_t *decryption;
    const uint8_t *code;
    void (*next)(struct ep_decoder *, int8_t *, int32_t);
    uint32_t offset, left;
};

EP_STATIC_ASSERT(sizeof(struct ep_cipher_windowed) <= EP_CIPHER_WINDOW_HEAD, a_window_fits_its_head);

EP_INLINE struct ep_cipher_windowed *ep_cipher_window_of(struct ep_decoder *decoder)
{
    return (struct ep_cipher_windowed *)(void *)((int8_t *)decoder - EP_CIPHER_WINDOW_ROOM);
}

/* At least EP_CIPHER_WINDOW_NEED bytes of the code, or all that is left: what is in the window moves down, and more follows it. */
EP_NOINLINE void ep_cipher_window_fill(struct ep_decoder *decoder)
{
    struct ep_cipher_windowed *const window = ep_cipher_window_of(decoder);
    uint8_t *const fresh = (uint8_t *)window + EP_CIPHER_WINDOW_HEAD + EP_CIPHER_WINDOW_NEED;
    const uint32_t rest = (uint32_t)(decoder->end - decoder->at);
    if (rest < EP_CIPHER_WINDOW_NEED && window->left > 0) {
        const uint32_t bytes = window->left < EP_CIPHER_WINDOW_FRESH ? window->left : EP_CIPHER_WINDOW_FRESH;
        memmove(fresh - rest, decoder->at, rest);
        ep_decrypted(window->decryption, window->offset, window->code, fresh,
                     (bytes + EP_CIPHER_BLOCK - 1) / EP_CIPHER_BLOCK * EP_CIPHER_BLOCK);
        decoder->at = fresh - rest;
        decoder->end = fresh + bytes;
        window->code += bytes;
        window->offset += bytes;
        window->left -= bytes;
    }
}

EP_NOINLINE void ep_cipher_window_next(struct ep_decoder *decoder, int8_t *out, int32_t count)
{
    const struct ep_cipher_windowed *const window = ep_cipher_window_of(decoder);
    EP_NO_UNROLL
    for (; count > 0; count -= EP_CIPHER_WINDOW_VALUES, out += EP_CIPHER_WINDOW_VALUES) {
        ep_cipher_window_fill(decoder);
        window->next(decoder, out, ep_min(count, EP_CIPHER_WINDOW_VALUES));
    }
}

/* A decoder that has just been begun reads through its window, which is empty. */
EP_SMALL void ep_cipher_window_begin(struct ep_decoder *decoder)
{
    struct ep_cipher_windowed *const window = ep_cipher_window_of(decoder);
    window->code = decoder->at;
    window->left = (uint32_t)(decoder->end - decoder->at);
    window->next = decoder->next;
    decoder->next = ep_cipher_window_next;
    decoder->at = decoder->end = (const uint8_t *)decoder;
}

/* Open the window of the decoder behind it, before that is begun. */
EP_SMALL void ep_cipher_window(const struct ep_cipher_window *op, const int8_t *input, int8_t *output, void *scratch)
{
    struct ep_cipher_windowed *const window = (struct ep_cipher_windowed *)scratch;
    (void)output;
    window->decryption = input;
    window->offset = op->offset;
}

#endif
