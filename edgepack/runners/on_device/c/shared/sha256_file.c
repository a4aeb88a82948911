/* SHA-256 of a file. */
#include <stdio.h>

#include "sha256.h"

int sha256_file(const char *path, char digits[65])
{
    struct sha256 hash;
    uint8_t block[4096], digest[32];
    size_t filled;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return -1;
    }
    sha256_begin(&hash);
    while ((filled = fread(block, 1, sizeof block, file)) > 0) {
        sha256_add(&hash, block, filled);
    }
    const int failed = ferror(file);
    fclose(file);
    if (failed) {
        return -1;
    }
    sha256_end(&hash, digest);
    for (int i = 0; i < 32; i++) {
        snprintf(digits + 2 * i, 3, "%02x", digest[i]);
    }
    return 0;
}
