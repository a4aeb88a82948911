/* Runs a model that was compiled to C where it was deployed: golden vectors, a test set, a benchmark.

   A static program that needs nothing on the device. It takes the commands and prints the results of runners/run.py:

       NAME probe
       NAME golden --model model.tflite --folder golden
       NAME infer  --model model.tflite --input input_0.bin --output output_0.bin [--first N] [--count N] [--sequence]
       NAME bench  --model model.tflite [--runs N] [--seconds S] [--warmup N] [--warmup-seconds S] [--cpus 4,5]
       NAME serve  --model model.tflite [--warmup N] [--warmup-seconds S]

   The .tflite is not read for running; its SHA-256 must be that of the file the code was generated from, so that a program
   of an older model cannot be taken for the newer one's. One line of JSON between EDGEPACK-RESULT and EDGEPACK-END; status 0,
   or 1 with {"error": ..., "kind": ...}. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "runner.h"
#include "sha256.h"

static void print_text(const char *text)
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

_Noreturn void fail(const char *kind, const char *format, ...)
{
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    printf("EDGEPACK-RESULT\n{\"error\": \"");
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

static void parse(struct options *options, int count, char **words)
{
    options->command = count > 1 ? words[1] : "";
    for (int i = 2; i < count; i++) {
        const char *option = words[i];
        const char *value;
        if (strcmp(option, "--sequence") == 0) {
            options->sequence = 1;
            continue;
        }
        value = i + 1 < count ? words[++i] : NULL;
        if (value == NULL) {
            fail("data", "%s: a value is missing", option);
        } else if (strcmp(option, "--model") == 0) {
            options->model = value;
        } else if (strcmp(option, "--folder") == 0) {
            options->folder = value;
        } else if (strcmp(option, "--cpus") == 0) {
            options->cpus = value;
        } else if (strcmp(option, "--input") == 0 && options->input_count < MOST_FILES) {
            options->inputs[options->input_count++] = value;
        } else if (strcmp(option, "--output") == 0 && options->output_count < MOST_FILES) {
            options->outputs[options->output_count++] = value;
        } else if (strcmp(option, "--first") == 0) {
            options->first = (long long)number(option, value);
        } else if (strcmp(option, "--count") == 0) {
            options->count = (long long)number(option, value);
        } else if (strcmp(option, "--runs") == 0) {
            options->runs = (long long)number(option, value);
        } else if (strcmp(option, "--warmup") == 0) {
            options->warmup = (long long)number(option, value);
        } else if (strcmp(option, "--seconds") == 0) {
            options->seconds = number(option, value);
        } else if (strcmp(option, "--warmup-seconds") == 0) {
            options->warmup_seconds = number(option, value);
        } else if (strcmp(option, "--power") == 0) {
            options->power = value;
        } else if (strcmp(option, "--threads") != 0 && strcmp(option, "--engine") != 0) {
            fail("data", "unknown option %s", option);
        }
    }
}

static void check_model(const struct options *options)
{
    char digits[65];
    if (options->model == NULL) {
        fail("data", "--model is missing");
    }
    if (sha256_file(options->model, digits) != 0) {
        fail_file(options->model);
    }
    if (strcmp(digits, model_sha256) != 0) {
        fail("model", "this program was compiled from the model with sha256 %.16s, %s is %.16s", model_sha256, options->model,
             digits);
    }
}

static void pin(const char *cpus)
{
    cpu_set_t set;
    const char *at = cpus;
    CPU_ZERO(&set);
    while (*at != '\0') {
        char *end;
        const long cpu = strtol(at, &end, 10);
        if (end == at || cpu < 0 || cpu >= CPU_SETSIZE || (*end != '\0' && *end != ',')) {
            fail("data", "--cpus %s: not a list of processor numbers", cpus);
        }
        CPU_SET((size_t)cpu, &set);
        at = *end == ',' ? end + 1 : end;
    }
    if (sched_setaffinity(0, sizeof set, &set) != 0) {
        fail("system", "cannot run on the processors %s: %s", cpus, strerror(errno));
    }
}

int main(int argc, char **argv)
{
    struct options options = {.count = -1, .runs = 200, .warmup = 20, .seconds = 30.0, .warmup_seconds = 10.0};
    parse(&options, argc, argv);
    if (options.cpus != NULL) {
        pin(options.cpus);
    }
    if (strcmp(options.command, "probe") == 0) {
        printf("EDGEPACK-RESULT\n{\"model_sha256\": \"%s\"", model_sha256);
    } else {
        check_model(&options);
        if (strcmp(options.command, "golden") == 0) {
            run_golden(&options);
        } else if (strcmp(options.command, "infer") == 0) {
            run_infer(&options);
        } else if (strcmp(options.command, "bench") == 0) {
            run_bench(&options);
        } else if (strcmp(options.command, "serve") == 0) {
            run_serve(&options);
        } else {
            fail("data", "unknown command %s: use probe, golden, infer, bench or serve", options.command);
        }
    }
    printf(", \"engine\": \"c\", \"engine_version\": \"%s\", \"threads\": 1}\nEDGEPACK-END\n", model_version);
    return fflush(stdout) == 0 ? 0 : 1;
}
