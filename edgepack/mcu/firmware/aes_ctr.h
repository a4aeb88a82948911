/* AES-128 (FIPS 197) in counter mode (NIST SP 800-38A), for measuring and testing only: small, slow, and not constant in time. A device
 * decrypts with its AES peripheral, PSA Crypto or Mbed TLS. */
#ifndef AES_CTR_H
#define AES_CTR_H

#include <stdint.h>
#include <string.h>

#define AES_ROUNDS 10
#define AES_BLOCK 16

struct aes {
    uint8_t box[256];
    uint8_t keys[AES_ROUNDS + 1][AES_BLOCK];
};

static inline uint8_t aes_twice(uint8_t value) { return (uint8_t)(value << 1 ^ (value >> 7) * 0x1B); }

/* The S-box, by the powers of 3, which are all numbers but 0: the inverse of 3^i is 3^(255 - i). Then the keys of the rounds. */
static __attribute__((noinline)) void aes_begin(struct aes *aes, const uint8_t *key)
{
    uint8_t powers[256], constant = 1;
    int i, k;
    powers[0] = 1;
    for (i = 1; i < 256; i++) {
        powers[i] = (uint8_t)(powers[i - 1] ^ aes_twice(powers[i - 1]));
    }
    aes->box[0] = 0x63;
    for (i = 0; i < 255; i++) {
        uint32_t turned = powers[255 - i] * 0x101u, sum = 0x63;
        for (k = 0; k < 5; k++, turned >>= 1) {
            sum ^= turned >> 4;
        }
        aes->box[powers[i]] = (uint8_t)sum;
    }
    memcpy(aes->keys[0], key, AES_BLOCK);
    for (i = 1; i <= AES_ROUNDS; i++) {
        const uint8_t *const last = aes->keys[i - 1];
        for (k = 0; k < AES_BLOCK; k++) {
            const uint8_t before = k < 4 ? aes->box[last[12 + (k + 1) % 4]] : aes->keys[i][k - 4];
            aes->keys[i][k] = (uint8_t)(last[k] ^ before ^ (k == 0 ? constant : 0));
        }
        constant = aes_twice(constant);
    }
}

static __attribute__((noinline)) void aes_encrypt(const struct aes *aes, uint8_t *state)
{
    uint8_t moved[AES_BLOCK];
    int i, k;
    for (i = 0; i <= AES_ROUNDS; i++) {
        if (i > 0) {
            for (k = 0; k < AES_BLOCK; k++) {
                moved[k] = aes->box[state[(k + 4 * (k % 4)) % AES_BLOCK]];
            }
            for (k = 0; k < AES_BLOCK; k++) {
                const uint8_t *const column = moved + (k & 12);
                const uint8_t a = column[k % 4], b = column[(k + 1) % 4], c = column[(k + 2) % 4], d = column[(k + 3) % 4];
                state[k] = i == AES_ROUNDS ? a : (uint8_t)(aes_twice((uint8_t)(a ^ b)) ^ b ^ c ^ d);
            }
        }
        for (k = 0; k < AES_BLOCK; k++) {
            state[k] ^= aes->keys[i][k];
        }
    }
}

/* Whole blocks from `offset` on; the counter block is 12 bytes of nonce and the block's number. */
static __attribute__((noinline)) void aes_ctr(const struct aes *aes, const uint8_t *nonce, uint32_t offset, const uint8_t *in,
                                              uint8_t *out, uint32_t bytes)
{
    uint32_t done, k;
    for (done = 0; done < bytes; done += AES_BLOCK) {
        const uint32_t number = (offset + done) / AES_BLOCK;
        uint8_t block[AES_BLOCK];
        memcpy(block, nonce, 12);
        for (k = 0; k < 4; k++) {
            block[12 + k] = (uint8_t)(number >> (24 - 8 * k));
        }
        aes_encrypt(aes, block);
        for (k = 0; k < AES_BLOCK; k++) {
            out[done + k] = in[done + k] ^ block[k];
        }
    }
}

#endif
