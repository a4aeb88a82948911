/* Walking through a JSON text (RFC 8259). What is no JSON ends the program by fail, as a manifest that was altered. */
#ifndef EDGEPACK_JSON_H
#define EDGEPACK_JSON_H

#include "minisign.h"

struct json {
    const uint8_t *at, *end;
};

/* Step into an object; then, until it is 0: the next member's name, which the caller frees, with its value yet to be read. */
void json_object(struct json *json);
char *json_member(struct json *json, int *first);

char *json_string(struct json *json); /* in UTF-8, to be freed */
long long json_count(struct json *json);
void json_skip(struct json *json, int deepest);

#endif
