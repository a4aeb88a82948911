/* SHA-512 (FIPS 180-4) of what comes in pieces. */
#ifndef EDGEPACK_SHA512_H
#define EDGEPACK_SHA512_H

#include <stddef.h>
#include <stdint.h>

struct sha512 {
    uint64_t state[8];
    uint64_t length; /* bytes so far */
    uint8_t block[128];
};

/* The square roots' fractions that the state begins with; BLAKE2b has the same. */
extern const uint64_t sha512_start[8];

void sha512_begin(struct sha512 *hash);
void sha512_add(struct sha512 *hash, const uint8_t *data, size_t size);
void sha512_end(struct sha512 *hash, uint8_t digest[64]);

#endif
