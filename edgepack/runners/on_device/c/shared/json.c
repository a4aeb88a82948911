#include "json.h"

#include <stdlib.h>
#include <string.h>

#include "runner.h"

static _Noreturn void refuse(void)
{
    fail("altered", "manifest.json does not list a release's files");
}

static uint8_t peek(struct json *json)
{
    while (json->at < json->end && (*json->at == ' ' || *json->at == '\n' || *json->at == '\t' || *json->at == '\r')) {
        json->at++;
    }
    return json->at < json->end ? *json->at : 0;
}

static void expect(struct json *json, char character)
{
    if (peek(json) != (uint8_t)character) {
        refuse();
    }
    json->at++;
}

void json_object(struct json *json)
{
    expect(json, '{');
}

char *json_member(struct json *json, int *first)
{
    if (peek(json) == '}') {
        json->at++;
        return NULL;
    }
    if (!*first) {
        expect(json, ',');
    }
    *first = 0;
    char *name = json_string(json);
    expect(json, ':');
    return name;
}

static uint32_t hexadecimal(struct json *json)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        const uint8_t digit = json->at < json->end ? *json->at++ : 0;
        if (digit >= '0' && digit <= '9') {
            value = value << 4 | (uint32_t)(digit - '0');
        } else if ((digit | 32) >= 'a' && (digit | 32) <= 'f') {
            value = value << 4 | (uint32_t)((digit | 32) - 'a' + 10);
        } else {
            refuse();
        }
    }
    return value;
}

/* The code point after "\u", of two escapes where it takes two. */
static uint32_t code_point(struct json *json)
{
    const uint32_t high = hexadecimal(json);
    if (high >> 11 != 0x1b) {
        return high;
    }
    if (high >= 0xdc00 || json->end - json->at < 6 || json->at[0] != '\\' || json->at[1] != 'u') {
        refuse();
    }
    json->at += 2;
    const uint32_t low = hexadecimal(json);
    if (low >> 10 != 0x37) {
        refuse();
    }
    return 0x10000u + ((high & 0x3ffu) << 10 | (low & 0x3ffu));
}

static char *put(char *to, uint32_t code)
{
    static const uint32_t limits[] = {0x80, 0x800, 0x10000};
    static const uint8_t marks[] = {0, 0xc0, 0xe0, 0xf0};
    int more = 0;
    while (more < 3 && code >= limits[more]) {
        more++;
    }
    *to++ = (char)(uint8_t)(marks[more] | code >> (6 * more));
    while (more-- > 0) {
        *to++ = (char)(uint8_t)(0x80u | (code >> (6 * more) & 0x3fu));
    }
    return to;
}

char *json_string(struct json *json)
{
    static const char escapes[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    expect(json, '"');
    const uint8_t *close = json->at;
    while (close < json->end && *close != '"') {
        close += *close == '\\' ? 2 : 1;
    }
    if (close >= json->end) {
        refuse();
    }
    char *text = allocate((unsigned long long)(close - json->at) + 1), *to = text; /* no escape is shorter than its meaning */
    while (json->at < close) {
        const uint8_t byte = *json->at++;
        if (byte < 32) {
            refuse();
        }
        if (byte != '\\') {
            *to++ = (char)byte;
            continue;
        }
        const uint8_t kind = *json->at++;
        const char *found = kind == 0 ? NULL : strchr(escapes, kind);
        const uint32_t code = kind == 'u' ? code_point(json) : found != NULL ? (uint32_t)meant[found - escapes] : 0;
        if (code == 0) { /* no name holds a NUL */
            refuse();
        }
        to = put(to, code);
    }
    *to = '\0';
    json->at = close + 1;
    return text;
}

long long json_count(struct json *json)
{
    long long value = 0;
    int count = 0;
    peek(json);
    for (; json->at < json->end && *json->at >= '0' && *json->at <= '9'; json->at++, count++) {
        if (count == 18) {
            refuse();
        }
        value = 10 * value + (*json->at - '0');
    }
    if (count == 0) {
        refuse();
    }
    return value;
}

void json_skip(struct json *json, int deepest)
{
    const uint8_t open = peek(json);
    if (open == '"') {
        free(json_string(json));
    } else if (open == '{' || open == '[') {
        int first = 1;
        if (deepest == 0) {
            refuse();
        }
        json->at++;
        while (peek(json) != (open == '{' ? '}' : ']')) {
            if (!first) {
                expect(json, ',');
            }
            first = 0;
            if (open == '{') {
                free(json_string(json));
                expect(json, ':');
            }
            json_skip(json, deepest - 1);
        }
        json->at++;
    } else {
        const uint8_t *from = json->at; /* a number, true, false or null */
        while (json->at < json->end && *json->at != 0 && strchr("+-.0123456789Eaeflnrstu", *json->at) != NULL) {
            json->at++;
        }
        if (json->at == from) {
            refuse();
        }
    }
}
