/* The formats are described in minisign's manual: a line of comment before each line of base64. */
#include "minisign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blake2b.h"
#include "ed25519.h"
#include "runner.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

struct bytes next_line(struct bytes *text)
{
    struct bytes line = *text;
    const uint8_t *end = line.size == 0 ? NULL : memchr(line.data, '\n', line.size);
    if (end != NULL) {
        line.size = (size_t)(end - line.data);
        text->data += line.size + 1;
        text->size -= line.size + 1;
    } else {
        text->size = 0;
    }
    while (line.size > 0 && line.data[line.size - 1] == '\r') {
        line.size--;
    }
    return line;
}

static int begins(struct bytes line, const char *with)
{
    return line.size >= strlen(with) && memcmp(line.data, with, strlen(with)) == 0;
}

/* Whether `line` is base64 of exactly `size` bytes, which are then in `data`. */
static int decode(struct bytes line, uint8_t *data, size_t size)
{
    const size_t padding = (3 - size % 3) % 3;
    if (line.size != (size + 2) / 3 * 4) {
        return 0;
    }
    uint32_t bits = 0;
    for (size_t i = 0; i < line.size; i++) {
        const int pad = i >= line.size - padding;
        const char *found = line.data[i] == '\0' ? NULL : strchr(digits, line.data[i]);
        if (pad ? line.data[i] != '=' : found == NULL) {
            return 0;
        }
        bits = bits << 6 | (pad ? 0u : (uint32_t)(found - digits));
        for (size_t j = 0; i % 4 == 3 && j < 3; j++) {
            const size_t at = i / 4 * 3 + j;
            if (at < size) {
                data[at] = (uint8_t)(bits >> (16 - 8 * j));
            }
        }
    }
    return 1;
}

void key_text(const struct public_key *key, char text[KEY_TEXT])
{
    uint8_t data[42] = {'E', 'd'};
    memcpy(data + 2, key->number, 8);
    memcpy(data + 10, key->key, 32);
    for (size_t i = 0; i < 56; i++) {
        const uint8_t *three = data + i / 4 * 3;
        const uint32_t bits = (uint32_t)three[0] << 16 | (uint32_t)three[1] << 8 | three[2];
        text[i] = digits[bits >> (18 - 6 * (i % 4)) & 63u];
    }
    text[56] = '\0';
}

void key_name(const uint8_t number[8], char name[17])
{
    unsigned long long value = 0;
    for (int i = 7; i >= 0; i--) {
        value = value << 8 | number[i];
    }
    snprintf(name, 17, "%llX", value);
}

struct public_key parse_key(struct bytes text, const char *name, const char *kind)
{
    struct public_key key;
    uint8_t data[42];
    const struct bytes comment = next_line(&text);
    if (!begins(comment, "untrusted comment:") || !decode(next_line(&text), data, sizeof data) || memcmp(data, "Ed", 2) != 0) {
        fail(kind, "%s is no public key of minisign's", name);
    }
    memcpy(key.number, data + 2, sizeof key.number);
    memcpy(key.key, data + 10, sizeof key.key);
    return key;
}

struct signature parse_signature(struct bytes text)
{
    static const char prefix[] = "trusted comment: ";
    struct signature signature;
    uint8_t data[74];
    next_line(&text);
    const int first = decode(next_line(&text), data, sizeof data);
    signature.comment = next_line(&text);
    const int second = decode(next_line(&text), signature.comment_signature, sizeof signature.comment_signature);
    if (!first || !second || data[0] != 'E' || (data[1] != 'd' && data[1] != 'D') || !begins(signature.comment, prefix)) {
        fail("signature", "the signature is damaged, or none of minisign's");
    }
    signature.prehashed = data[1] == 'D';
    memcpy(signature.number, data + 2, sizeof signature.number);
    memcpy(signature.signature, data + 10, sizeof signature.signature);
    signature.comment.data += strlen(prefix);
    signature.comment.size -= strlen(prefix);
    return signature;
}

void check_signature(struct bytes content, const struct signature *signature, const struct public_key *key, const char *name)
{
    char own[17], other[17];
    uint8_t digest[64];
    key_name(key->number, own);
    key_name(signature->number, other);
    if (memcmp(signature->number, key->number, sizeof key->number) != 0) {
        fail("signature", "the signature of %s is by key %s, not by %s", name, other, own);
    }
    if (signature->prehashed) {
        blake2b(content.data, content.size, digest);
        content = (struct bytes){digest, sizeof digest};
    }
    if (!ed25519_verify(key->key, content.data, content.size, signature->signature)) {
        fail("signature", "the signature of %s by key %s is wrong", name, own);
    }
    uint8_t *signed_comment = allocate(64 + signature->comment.size);
    memcpy(signed_comment, signature->signature, 64);
    memcpy(signed_comment + 64, signature->comment.data, signature->comment.size);
    if (!ed25519_verify(key->key, signed_comment, 64 + signature->comment.size, signature->comment_signature)) {
        fail("signature", "the trusted comment in the signature of %s was changed", name);
    }
    free(signed_comment);
}

long long time_stamp(const struct signature *signature)
{
    static const char prefix[] = "timestamp:";
    struct bytes rest = signature->comment;
    while (rest.size > 0) {
        const uint8_t *tab = memchr(rest.data, '\t', rest.size);
        const struct bytes word = {rest.data, tab == NULL ? rest.size : (size_t)(tab - rest.data)};
        long long seconds = 0;
        size_t i = strlen(prefix);
        if (begins(word, prefix) && word.size > i && word.size <= i + 18) {
            while (i < word.size && word.data[i] >= '0' && word.data[i] <= '9') {
                seconds = 10 * seconds + (word.data[i++] - '0');
            }
            if (i == word.size) {
                return seconds;
            }
        }
        rest.data += word.size;
        rest.size -= word.size;
        if (tab != NULL) {
            rest.data++;
            rest.size--;
        }
    }
    fail("signature", "the signature's trusted comment holds no timestamp");
}
