/* What the runner prints: one line of JSON between EDGEPACK-RESULT and EDGEPACK-END. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"

void print_text(const char *text)
{
    for (; *text != '\0'; text++) {
        const unsigned char byte = (unsigned char)*text;
        if (byte == '"' || byte == '\\') {
            printf("\\%c", byte);
        } else if (byte < 32) {
            printf("\\u%04x", byte);
        } else {
            putchar(byte);
        }
    }
}

void print_number(const char *name, double value, int known)
{
    if (known) {
        printf("\"%s\": %.15g", name, value);
    } else {
        printf("\"%s\": null", name);
    }
}

void print_times(const double *samples, long long count)
{
    printf("\"samples\": [");
    for (long long i = 0; i < count; i++) {
        printf("%s%.9f", i ? ", " : "", samples[i]);
    }
    printf("]");
}

void begin_result(void)
{
    printf("EDGEPACK-RESULT\n{");
}

int end_result(const struct options *options)
{
    printf(", \"engine\": \"%s\", \"engine_version\": \"", options->engine);
    print_text(engine_version());
    printf("\", \"threads\": %d", options->threads);
    return close_result();
}

int close_result(void)
{
    printf("}\nEDGEPACK-END\n");
    return fflush(stdout) == 0 ? 0 : 1;
}

_Noreturn void fail(const char *kind, const char *format, ...)
{
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    begin_result();
    printf("\"error\": \"");
    print_text(message);
    printf("\", \"kind\": \"%s\"}\nEDGEPACK-END\n", kind);
    fflush(stdout);
    exit(1);
}

_Noreturn void fail_file(const char *path)
{
    fail("system", "%s: %s", path, strerror(errno));
}

void *allocate(unsigned long long bytes)
{
    void *memory = bytes > (size_t)-1 ? NULL : malloc(bytes == 0 ? 1 : (size_t)bytes);
    if (memory == NULL) {
        fail("system", "there is no memory for %llu bytes", bytes);
    }
    return memory;
}
