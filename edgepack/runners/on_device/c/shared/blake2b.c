/* RFC 7693, sections 2 and 3. */
#include "blake2b.h"

#include <string.h>

#include "sha512.h"

static const uint8_t order[10][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

static uint64_t rotate(uint64_t value, unsigned count)
{
    return value >> count | value << (64u - count);
}

static void mix(uint64_t v[16], int a, int b, int c, int d, uint64_t x, uint64_t y)
{
    v[a] += v[b] + x;
    v[d] = rotate(v[d] ^ v[a], 32);
    v[c] += v[d];
    v[b] = rotate(v[b] ^ v[c], 24);
    v[a] += v[b] + y;
    v[d] = rotate(v[d] ^ v[a], 16);
    v[c] += v[d];
    v[b] = rotate(v[b] ^ v[c], 63);
}

/* `length` counts the message's bytes up to this block's end. */
static void add_block(uint64_t state[8], const uint8_t block[128], uint64_t length, int last)
{
    uint64_t m[16], v[16];
    for (int i = 0; i < 16; i++) {
        m[i] = 0;
        for (int j = 7; j >= 0; j--) {
            m[i] = m[i] << 8 | block[8 * i + j];
        }
    }
    memcpy(v, state, 8 * sizeof *v);
    memcpy(v + 8, sha512_start, 8 * sizeof *v);
    v[12] ^= length;
    if (last) {
        v[14] = ~v[14];
    }
    for (int round = 0; round < 12; round++) {
        const uint8_t *s = order[round % 10];
        for (int i = 0; i < 4; i++) {
            mix(v, i, 4 + i, 8 + i, 12 + i, m[s[2 * i]], m[s[2 * i + 1]]);
        }
        for (int i = 0; i < 4; i++) {
            mix(v, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4, m[s[8 + 2 * i]], m[s[9 + 2 * i]]);
        }
    }
    for (int i = 0; i < 8; i++) {
        state[i] ^= v[i] ^ v[i + 8];
    }
}

void blake2b_begin(struct blake2b *hash)
{
    memset(hash, 0, sizeof *hash);
    memcpy(hash->state, sha512_start, sizeof hash->state);
    hash->state[0] ^= 0x01010040u; /* no key, 64 bytes */
}

void blake2b_add(struct blake2b *hash, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (hash->filled == sizeof hash->block) { /* only now: the last block is added otherwise */
            hash->length += hash->filled;
            hash->filled = 0;
            add_block(hash->state, hash->block, hash->length, 0);
        }
        hash->block[hash->filled++] = data[i];
    }
}

void blake2b_end(struct blake2b *hash, uint8_t digest[64])
{
    memset(hash->block + hash->filled, 0, sizeof hash->block - hash->filled);
    add_block(hash->state, hash->block, hash->length + hash->filled, 1);
    for (int i = 0; i < 64; i++) {
        digest[i] = (uint8_t)(hash->state[i / 8] >> (8 * (i % 8)));
    }
}

void blake2b(const uint8_t *data, size_t size, uint8_t digest[64])
{
    struct blake2b hash;
    blake2b_begin(&hash);
    blake2b_add(&hash, data, size);
    blake2b_end(&hash, digest);
}
