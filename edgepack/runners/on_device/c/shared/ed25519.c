/* RFC 8032, section 5.1, for verifying: nothing here is secret, so nothing here hides how long it takes.

   A number modulo 2^255 - 19 is eight words of 32 bits, the lowest first, of any value below 2^256. 2^256 is 38 there, so what
   overflows comes back times 38. */
#include "ed25519.h"

#include <string.h>

#include "sha512.h"

#define WORDS 8

typedef uint32_t number[WORDS];

/* Extended coordinates: x = X/Z, y = Y/Z, x y = T/Z. */
struct point {
    number x, y, z, t;
};

static const number prime = {0xffffffedu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0x7fffffffu};
static const number order = {0x5cf5d3edu, 0x5812631au, 0xa2f79cd6u, 0x14def9deu, 0x00000000u, 0x00000000u, 0x00000000u, 0x10000000u};
static const number curve_d = {0x135978a3u, 0x75eb4dcau, 0x4141d8abu, 0x00700a4du, 0x7779e898u, 0x8cc74079u, 0x2b6ffe73u, 0x52036ceeu};
static const number root_of_minus_one = {0x4a0ea0b0u, 0xc4ee1b27u, 0xad2fe478u, 0x2f431806u, 0x3dfbd7a7u, 0x2b4d0099u, 0x4fc1df0bu, 0x2b832480u};
static const number one = {1};
static const struct point neutral = {{0}, {1}, {1}, {0}};
static const struct point base = {
    {0x8f25d51au, 0xc9562d60u, 0x9525a7b2u, 0x692cc760u, 0xfdd6dc5cu, 0xc0a4e231u, 0xcd6e53feu, 0x216936d3u},
    {0x66666658u, 0x66666666u, 0x66666666u, 0x66666666u, 0x66666666u, 0x66666666u, 0x66666666u, 0x66666666u},
    {1},
    {0xa5b7dda3u, 0x6dde8ab3u, 0x775152f5u, 0x20f09f80u, 0x64abe37du, 0x66ea4e8eu, 0xd78b7665u, 0x67875f0fu},
};

/* Add `carry` (below 2^37) times 38 until nothing overflows. */
static void fold(number a, uint64_t carry)
{
    while (carry != 0) {
        carry *= 38;
        for (int i = 0; i < WORDS; i++) {
            carry += a[i];
            a[i] = (uint32_t)carry;
            carry >>= 32;
        }
    }
}

static void add(number sum, const number a, const number b)
{
    uint64_t carry = 0;
    for (int i = 0; i < WORDS; i++) {
        carry += (uint64_t)a[i] + b[i];
        sum[i] = (uint32_t)carry;
        carry >>= 32;
    }
    fold(sum, carry);
}

/* a - b as whole numbers modulo 2^256; 1 when b was larger. */
static uint32_t take(number difference, const number a, const number b)
{
    uint64_t borrow = 0;
    for (int i = 0; i < WORDS; i++) {
        const uint64_t word = (uint64_t)a[i] - b[i] - borrow;
        difference[i] = (uint32_t)word;
        borrow = word >> 63;
    }
    return (uint32_t)borrow;
}

static void subtract(number difference, const number a, const number b)
{
    static const number fold_back = {38};
    uint32_t borrow = take(difference, a, b);
    while (borrow) {
        borrow = take(difference, difference, fold_back);
    }
}

static void multiply(number product, const number a, const number b)
{
    uint32_t wide[2 * WORDS] = {0};
    uint64_t carry = 0;
    for (int i = 0; i < WORDS; i++) {
        carry = 0;
        for (int j = 0; j < WORDS; j++) {
            carry += (uint64_t)a[i] * b[j] + wide[i + j];
            wide[i + j] = (uint32_t)carry;
            carry >>= 32;
        }
        wide[i + WORDS] = (uint32_t)carry;
    }
    carry = 0;
    for (int i = 0; i < WORDS; i++) {
        carry += (uint64_t)wide[i + WORDS] * 38 + wide[i];
        product[i] = (uint32_t)carry;
        carry >>= 32;
    }
    fold(product, carry);
}

/* The one value below the prime. */
static void reduce(number a)
{
    number less;
    while (!take(less, a, prime)) {
        memcpy(a, less, sizeof less);
    }
}

static int equal(const number a, const number b)
{
    number difference;
    static const number zero = {0};
    subtract(difference, a, b);
    reduce(difference);
    return memcmp(difference, zero, sizeof zero) == 0;
}

/* a to the power of 2^bits - 1 - without. */
static void power(number result, const number a, int bits, uint32_t without)
{
    number copy, total = {1};
    memcpy(copy, a, sizeof copy);
    for (int i = bits - 1; i >= 0; i--) {
        multiply(total, total, total);
        if (i >= 32 || (without >> i & 1u) == 0) {
            multiply(total, total, copy);
        }
    }
    memcpy(result, total, sizeof total);
}

static void load(number a, const uint8_t bytes[32])
{
    for (int i = 0; i < WORDS; i++) {
        a[i] = (uint32_t)bytes[4 * i] | (uint32_t)bytes[4 * i + 1] << 8 | (uint32_t)bytes[4 * i + 2] << 16 | (uint32_t)bytes[4 * i + 3] << 24;
    }
}

/* The sum, by a formula that holds for every pair of points (section 5.1.4). */
static void add_points(struct point *sum, const struct point *p, const struct point *q)
{
    number a, b, c, d, e, f, g, h;
    subtract(a, p->y, p->x);
    subtract(b, q->y, q->x);
    multiply(a, a, b);
    add(b, p->y, p->x);
    add(c, q->y, q->x);
    multiply(b, b, c);
    multiply(c, p->t, q->t);
    multiply(c, c, curve_d);
    add(c, c, c);
    multiply(d, p->z, q->z);
    add(d, d, d);
    subtract(e, b, a);
    subtract(f, d, c);
    add(g, d, c);
    add(h, b, a);
    multiply(sum->x, e, f);
    multiply(sum->y, g, h);
    multiply(sum->z, f, g);
    multiply(sum->t, e, h);
}

static void multiply_point(struct point *product, const number scalar, const struct point *p)
{
    struct point total = neutral;
    for (int i = 32 * WORDS - 1; i >= 0; i--) {
        add_points(&total, &total, &total);
        if (scalar[i / 32] >> (i % 32) & 1u) {
            add_points(&total, &total, p);
        }
    }
    *product = total;
}

static int same(const struct point *p, const struct point *q)
{
    number a, b, c, d;
    multiply(a, p->x, q->z);
    multiply(b, q->x, p->z);
    multiply(c, p->y, q->z);
    multiply(d, q->y, p->z);
    return equal(a, b) && equal(c, d);
}

static int has_small_order(const struct point *p)
{
    static const number eight = {8};
    struct point product;
    multiply_point(&product, eight, p);
    return same(&product, &neutral);
}

/* The point written in 32 bytes; 0 when they are none, or not the one way to write it (section 5.1.3). */
static int decode(struct point *p, const uint8_t bytes[32])
{
    static const number zero = {0};
    number u, v, x, unused;
    load(p->y, bytes);
    const uint32_t sign = p->y[7] >> 31;
    p->y[7] &= 0x7fffffffu;
    if (!take(unused, p->y, prime)) {
        return 0;
    }
    multiply(v, p->y, p->y);
    subtract(u, v, one);
    multiply(v, v, curve_d);
    add(v, v, one);
    /* x = u v^3 (u v^7)^((prime - 5) / 8), and (prime - 5) / 8 = 2^252 - 1 - 2 */
    number v3, v7;
    multiply(v3, v, v);
    multiply(v3, v3, v);
    multiply(v7, v3, v3);
    multiply(v7, v7, v);
    multiply(x, u, v7);
    power(x, x, 252, 2);
    multiply(x, x, v3);
    multiply(x, x, u);
    number check, minus_u;
    multiply(check, x, x);
    multiply(check, check, v);
    subtract(minus_u, zero, u);
    if (equal(check, minus_u)) {
        multiply(x, x, root_of_minus_one);
    } else if (!equal(check, u)) {
        return 0;
    }
    reduce(x);
    if (memcmp(x, zero, sizeof zero) == 0 && sign) {
        return 0;
    }
    if ((x[0] & 1u) != sign) {
        subtract(x, zero, x);
        reduce(x);
    }
    memcpy(p->x, x, sizeof x);
    memcpy(p->z, one, sizeof one);
    multiply(p->t, p->x, p->y);
    return 1;
}

/* A digest, the lowest byte first, modulo the group's order: bit by bit from the top. */
static void reduce_digest(number rest, const uint8_t digest[64])
{
    memset(rest, 0, sizeof(number));
    for (int bit = 511; bit >= 0; bit--) {
        number less;
        uint32_t carry = digest[bit / 8] >> (bit % 8) & 1u;
        for (int i = 0; i < WORDS; i++) {
            const uint32_t word = rest[i];
            rest[i] = word << 1 | carry;
            carry = word >> 31;
        }
        if (!take(less, rest, order)) {
            memcpy(rest, less, sizeof less);
        }
    }
}

int ed25519_verify(const uint8_t public_key[32], const uint8_t *message, size_t size, const uint8_t signature[64])
{
    struct point key, first, left, right;
    number scalar, challenge, unused;
    uint8_t digest[64];
    struct sha512 hash;
    load(scalar, signature + 32);
    if (!decode(&key, public_key) || !decode(&first, signature) || !take(unused, scalar, order)) {
        return 0;
    }
    if (has_small_order(&key) || has_small_order(&first)) {
        return 0;
    }
    sha512_begin(&hash);
    sha512_add(&hash, signature, 32);
    sha512_add(&hash, public_key, 32);
    sha512_add(&hash, message, size);
    sha512_end(&hash, digest);
    reduce_digest(challenge, digest);
    multiply_point(&left, scalar, &base);
    multiply_point(&right, challenge, &key);
    add_points(&right, &first, &right);
    return same(&left, &right);
}
