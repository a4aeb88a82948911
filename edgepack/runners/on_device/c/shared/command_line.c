/* The command line: one command and its options, in any order. */
#include <stdlib.h>
#include <string.h>

#include "runner.h"

static double number(const char *option, const char *text)
{
    char *end;
    const double value = strtod(text, &end);
    if (*text == '\0' || *end != '\0' || !(value >= 0.0 && value < 1e15)) {
        fail("data", "%s %s: not a number from 0 on", option, text);
    }
    return value;
}

/* Take an option whose value is a number, or a word; 0 when there is no such option. */
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
        return 0;
    }
    return 1;
}

static int set_word(struct options *options, const char *option, const char *value)
{
    if (strcmp(option, "--engine") == 0) {
        options->engine = value;
    } else if (strcmp(option, "--model") == 0) {
        options->model = value;
    } else if (strcmp(option, "--folder") == 0) {
        options->folder = value;
    } else if (strcmp(option, "--cpus") == 0) {
        options->cpus = value;
    } else if (strcmp(option, "--power") == 0) {
        options->power = value;
    } else if (strcmp(option, "--signature") == 0) {
        options->signature = value;
    } else if (strcmp(option, "--trust") == 0) {
        options->trust = value;
    } else if (strcmp(option, "--mode") == 0) {
        options->mode = value;
    } else if (strcmp(option, "--input") == 0 && options->input_count < MOST_TENSORS) {
        options->inputs[options->input_count++] = value;
    } else if (strcmp(option, "--output") == 0 && options->output_count < MOST_TENSORS) {
        options->outputs[options->output_count++] = value;
    } else {
        return 0;
    }
    return 1;
}

void parse(struct options *options, int count, char **words)
{
    for (int i = 1; i < count; i++) {
        const char *option = words[i];
        if (option[0] != '-') {
            options->command = option;
        } else if (strcmp(option, "--sequence") == 0) {
            options->sequence = 1;
        } else if (strncmp(option, "--name=", 7) == 0) { /* a name may begin like an option */
            options->name = option + 7;
        } else if (i + 1 == count) {
            fail("data", "%s: a value is missing", option);
        } else {
            const char *value = words[++i];
            if (!set_number(options, option, value) && !set_word(options, option, value) && !engine_option(option, value)) {
                fail("data", "unknown option %s", option);
            }
        }
    }
}
