/* BLAKE2b without a key, with a digest of 64 bytes (RFC 7693), of what comes in pieces or at once. */
#ifndef EDGEPACK_BLAKE2B_H
#define EDGEPACK_BLAKE2B_H

#include <stddef.h>
#include <stdint.h>

struct blake2b {
    uint64_t state[8];
    uint64_t length; /* bytes before this block */
    size_t filled;   /* bytes of this block */
    uint8_t block[128];
};

void blake2b_begin(struct blake2b *hash);
void blake2b_add(struct blake2b *hash, const uint8_t *data, size_t size);
void blake2b_end(struct blake2b *hash, uint8_t digest[64]);
void blake2b(const uint8_t *data, size_t size, uint8_t digest[64]);

#endif
