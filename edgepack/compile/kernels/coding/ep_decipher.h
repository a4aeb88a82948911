/* Constants that lie encrypted in flash, and how they come into memory before a kernel reads them. The firmware decrypts: nothing here knows
 * the cipher or the key. */
#ifndef EP_DECIPHER_H
#define EP_DECIPHER_H

#include "ep_common.h"

#define EP_CIPHER_BLOCK 16

/* `bytes` from `in` to `out`, whole blocks; `offset` is where they lie among all that is encrypted. Anything but 0: it failed. */
typedef int ep_decrypt(void *user, uint32_t offset, const uint8_t *in, uint8_t *out, uint32_t bytes);

/* What a run decrypts with, and whether that has failed. */
struct ep_decryption {
    ep_decrypt *decrypt;
    void *user;
    int *failed;
};

/* `decryption` is passed as kernels pass their inputs. Once it has failed there are zeros. */
EP_SMALL void ep_decrypted(const int8_t *decryption, uint32_t offset, const uint8_t *in, uint8_t *out, uint32_t bytes)
{
    const struct ep_decryption *const by = (const struct ep_decryption *)(const void *)decryption;
    if (*by->failed != 0 || by->decrypt(by->user, offset, in, out, bytes) != 0) {
        memset(out, 0, bytes);
        *by->failed = 1;
    }
}

/* Whether a block of zeros, which is encrypted behind all that is, comes back: with another key it does not. */
EP_SMALL int ep_key_fits(const struct ep_decryption *by, uint32_t offset, const uint8_t *in)
{
    uint64_t block[EP_CIPHER_BLOCK / 8];
    return by->decrypt(by->user, offset, in, (uint8_t *)block, EP_CIPHER_BLOCK) == 0 && (block[0] | block[1]) == 0;
}

struct ep_decipher {
    const uint8_t *code; /* NULL: go on behind what was decrypted last */
    uint32_t offset;
    uint32_t bytes;
};

/* Where to go on. */
struct ep_deciphering {
    const uint8_t *code;
    uint32_t offset;
};

EP_SMALL void ep_decipher(const struct ep_decipher *op, const int8_t *input, int8_t *output, void *scratch)
{
    struct ep_deciphering *const next = (struct ep_deciphering *)scratch;
    if (op->code != NULL) {
        next->code = op->code;
        next->offset = op->offset;
    }
    ep_decrypted(input, next->offset, next->code, (uint8_t *)output, op->bytes);
    next->code += op->bytes;
    next->offset += op->bytes;
}

#endif
