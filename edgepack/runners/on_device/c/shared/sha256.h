/* SHA-256 (FIPS 180-4) of what comes in pieces, and of a file. */
#ifndef EDGEPACK_SHA256_H
#define EDGEPACK_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct sha256 {
    uint32_t state[8];
    uint64_t length; /* bytes so far */
    uint8_t block[64];
};

void sha256_begin(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const uint8_t *data, size_t size);
void sha256_end(struct sha256 *hash, uint8_t digest[32]);

/* Write 64 hexadecimal digits and a NUL; 0 on success, else errno is set. Of sha256_file.c: the rest needs no files. */
int sha256_file(const char *path, char digits[65]);

#endif
