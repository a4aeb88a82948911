/* Runs a .tflite with a TensorFlow Lite library and no Python: the commands and results of runners/run.py.

       tflite_runner --library libtensorflowlite_c.so probe
       tflite_runner --library LIBRARY golden --model model.tflite --folder golden [--seconds S]
       tflite_runner --library LIBRARY infer  --model model.tflite --input in.bin --output out.bin [--first N] [--count N] [--sequence]
       tflite_runner --library LIBRARY bench  --model model.tflite [--runs N] [--seconds S] [--warmup N] [--warmup-seconds S]
       tflite_runner --library LIBRARY serve  --model model.tflite

   One line of JSON between EDGEPACK-RESULT and EDGEPACK-END; status 0, or 1 with {"error": ..., "kind": ...}. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"

static FILE *standard_output; /* stdout is another stream while a result is put together */

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

/* A result that was begun is left behind: the host takes the last one. */
_Noreturn void fail(const char *kind, const char *format, ...)
{
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    stdout = standard_output;
    printf("\nEDGEPACK-RESULT\n{\"error\": \"");
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

static double number(const char *option, const char *text)
{
    char *end;
    const double value = strtod(text, &end);
    if (*text == '\0' || *end != '\0' || !(value >= 0.0 && value < 1e15)) {
        fail("data", "%s %s: not a number from 0 on", option, text);
    }
    return value;
}

static int set_number(struct options *options, const char *option, const char *value)
{
    if (strcmp(option, "--first") == 0) {
        options->first = (long long)number(option, value);
    } else if (strcmp(option, "--count") == 0) {
        options->count = (long long)number(option, value);
    } else if (strcmp(option, "--runs") == 0) {
        options->runs = (long long)number(option, value);
    } else if (strcmp(option, "--warmup") == 0) {
        options->warmup = (long long)number(option, value);
    } else if (strcmp(option, "--threads") == 0) {
        options->threads = (int)number(option, value);
    } else if (strcmp(option, "--seconds") == 0) {
        options->seconds = number(option, value);
    } else if (strcmp(option, "--warmup-seconds") == 0) {
        options->warmup_seconds = number(option, value);
    } else {
        return strcmp(option, "--power") == 0;
    }
    return 1;
}

static void parse(struct options *options, int count, char **words)
{
    for (int i = 1; i < count; i++) {
        const char *option = words[i];
        if (option[0] != '-') {
            options->command = option;
            continue;
        }
        if (strcmp(option, "--sequence") == 0) {
            options->sequence = 1;
            continue;
        }
        const char *value = i + 1 < count ? words[++i] : NULL;
        if (value == NULL) {
            fail("data", "%s: a value is missing", option);
        } else if (strcmp(option, "--library") == 0) {
            options->library = value;
        } else if (strcmp(option, "--engine") == 0) {
            options->engine = value;
        } else if (strcmp(option, "--model") == 0) {
            options->model = value;
        } else if (strcmp(option, "--folder") == 0) {
            options->folder = value;
        } else if (strcmp(option, "--input") == 0 && options->input_count < MOST_TENSORS) {
            options->inputs[options->input_count++] = value;
        } else if (strcmp(option, "--output") == 0 && options->output_count < MOST_TENSORS) {
            options->outputs[options->output_count++] = value;
        } else if (!set_number(options, option, value)) {
            fail("data", "unknown option %s", option);
        }
    }
}

int main(int argc, char **argv)
{
    struct options options = {.command = "", .count = -1, .runs = 200, .warmup = 20, .warmup_seconds = 10.0, .threads = 1, .engine = "tflite-c"};
    struct model model;
    standard_output = stdout;
    options.seconds = -1.0;
    parse(&options, argc, argv);
    if (options.library == NULL) {
        fail("runtime", "--library is missing");
    }
    options.xnnpack = strcmp(options.engine, "tflite-c") == 0;
    if (!options.xnnpack && strcmp(options.engine, "tflite-c-builtin") != 0) {
        fail("data", "unknown engine %s: use tflite-c or tflite-c-builtin (without XNNPACK)", options.engine);
    }
    const double import_time = load_library(options.library);
    const int probing = strcmp(options.command, "probe") == 0;
    if (!probing && options.model == NULL) {
        fail("data", "--model is missing");
    }
    if (strcmp(options.command, "serve") == 0) {
        run_serve(&options, import_time);
    } else if (strcmp(options.command, "bench") == 0) {
        options.seconds = options.seconds < 0 ? 30.0 : options.seconds;
        printf("EDGEPACK-RESULT\n{");
        run_bench(&options, import_time);
    } else if (strcmp(options.command, "golden") == 0 || strcmp(options.command, "infer") == 0) {
        open_model(&model, options.model, options.threads, options.xnnpack);
        printf("EDGEPACK-RESULT\n{");
        (options.command[0] == 'g' ? run_golden : run_infer)(&options, &model);
    } else if (probing) {
        printf("EDGEPACK-RESULT\n{\"library\": \"");
        print_text(options.library);
        printf("\"");
    } else {
        fail("data", "unknown command %s: use probe, golden, infer, bench or serve", options.command);
    }
    printf(", \"engine\": \"%s\", \"engine_version\": \"", options.engine);
    print_text(library_version());
    printf("\", \"threads\": %d}\nEDGEPACK-END\n", options.threads);
    return fflush(stdout) == 0 ? 0 : 1;
}
