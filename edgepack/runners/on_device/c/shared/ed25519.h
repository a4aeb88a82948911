/* Ed25519 signatures, verified only (RFC 8032). */
#ifndef EDGEPACK_ED25519_H
#define EDGEPACK_ED25519_H

#include <stddef.h>
#include <stdint.h>

/* Whether `signature` of the message is by the key `public_key`. As strict as libsodium: what is not written in its one form, an S
   not below the group's order and points of small order are refused, and the equation is checked without the cofactor. */
int ed25519_verify(const uint8_t public_key[32], const uint8_t *message, size_t size, const uint8_t signature[64]);

#endif
