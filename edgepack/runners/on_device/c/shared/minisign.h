/* minisign's public keys and signatures. What is wrong ends the program by fail, with the kinds of run_verify.py. */
#ifndef EDGEPACK_MINISIGN_H
#define EDGEPACK_MINISIGN_H

#include <stddef.h>
#include <stdint.h>

#define KEY_TEXT 57 /* 42 bytes in base64, and a NUL */

struct bytes {
    uint8_t *data;
    size_t size;
};

struct public_key {
    uint8_t number[8], key[32];
};

struct signature {
    int prehashed; /* BLAKE2b-512 of the file was signed */
    uint8_t number[8], signature[64], comment_signature[64];
    struct bytes comment; /* the trusted one */
};

/* `name` and `kind` are of what is said when it is no key. */
struct public_key parse_key(struct bytes text, const char *name, const char *kind);
struct signature parse_signature(struct bytes text);

/* Refuse a signature that is not of `content` by `key`, or whose trusted comment was changed. */
void check_signature(struct bytes content, const struct signature *signature, const struct public_key *key, const char *name);

/* The seconds since 1970 in the trusted comment. */
long long time_stamp(const struct signature *signature);

/* What `minisign -P` takes, and the number as minisign shows it. */
void key_text(const struct public_key *key, char text[KEY_TEXT]);
void key_name(const uint8_t number[8], char name[17]);

/* The next line of `text`, which is shortened by it, without its end. */
struct bytes next_line(struct bytes *text);

#endif
