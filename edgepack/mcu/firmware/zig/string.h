/* The memory functions zig's run-time library has; a bare target comes without C library headers. */
#ifndef EDGEPACK_STRING_H
#define EDGEPACK_STRING_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

void *memcpy(void *to, const void *from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int memcmp(const void *left, const void *right, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif
