/* BLAKE2b without a key, with a digest of 64 bytes (RFC 7693). */
#ifndef EDGEPACK_BLAKE2B_H
#define EDGEPACK_BLAKE2B_H

#include <stddef.h>
#include <stdint.h>

void blake2b(const uint8_t *data, size_t size, uint8_t digest[64]);

#endif
