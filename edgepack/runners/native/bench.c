/* Latency of one inference, its spread, memory and the conditions it was measured in; times in seconds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conditions.h"
#include "model.h"
#include "runner.h"

#define WINDOW 10   /* runs whose median is compared with that of the runs before */
#define BLOCK_LEAST 4 /* runs of a block, the first of which meets caches that another model filled */
#define BLOCK_MOST 65536
#define STABLE 0.02 /* relative change of the median below which the warm-up has ended */

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static uint32_t random_state = 1;

/* xorshift32 (Marsaglia, "Xorshift RNGs", 2003). */
static uint32_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state;
}

/* Integers wider than 16 bits may be indices: they stay 0. */
static void fill(const struct tensor *tensor)
{
    memset(tensor->data, 0, tensor->bytes);
    for (size_t i = 0; i < tensor->bytes; i++) {
        if (tensor->element == ELEMENT_INT8 || tensor->element == ELEMENT_UINT8) {
            ((uint8_t *)tensor->data)[i] = (uint8_t)(next_random() >> 16);
        } else if (tensor->element == ELEMENT_INT16 && i % 2 == 0) {
            ((int16_t *)tensor->data)[i / 2] = (int16_t)((int)(next_random() >> 16 & 255u) - 128);
        } else if (tensor->element == ELEMENT_FLOAT32 && i % 4 == 0) {
            ((float *)tensor->data)[i / 4] = (float)(next_random() >> 8) / 8388608.0f - 1.0f;
        }
    }
}

static double timed_run(void)
{
    const double start = seconds_now();
    const int status = model_run();
    const double end = seconds_now();
    if (status != 0) {
        fail("model", "the model returned %d", status);
    }
    return end - start;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The smallest value that at least `share` per cent of the sorted values do not exceed (nearest rank). */
static double percentile(const double *sorted, long long count, int share)
{
    const long long rank = (count * share + 99) / 100 - 1;
    return sorted[rank < 0 ? 0 : rank];
}

static double window_median(const double *window)
{
    double sorted[WINDOW];
    memcpy(sorted, window, sizeof sorted);
    qsort(sorted, WINDOW, sizeof *sorted, ascending);
    return percentile(sorted, WINDOW, 50);
}

/* Run until the median of a window stops moving; the number of runs. */
static long long warm_up(long long at_least, double seconds, int *stable)
{
    double last[2 * WINDOW];
    long long runs = 0;
    const double end = seconds_now() + seconds;
    for (;;) {
        memmove(last, last + 1, sizeof last - sizeof *last);
        last[2 * WINDOW - 1] = timed_run();
        runs++;
        if (runs >= at_least && runs >= 2 * WINDOW) {
            const double before = window_median(last);
            const double now = window_median(last + WINDOW);
            if (now - before <= STABLE * before && before - now <= STABLE * before) {
                *stable = 1;
                return runs;
            }
        }
        if (seconds_now() > end) {
            *stable = 0;
            return runs;
        }
    }
}

static void print_number(double value, int known)
{
    if (known) {
        printf("%.15g", value);
    } else {
        printf("null");
    }
}

static void print_bytes(const char *name, long long bytes)
{
    printf(", \"%s\": ", name);
    print_number((double)bytes, bytes >= 0);
}

static void print_conditions(const char *name, const struct conditions *found)
{
    printf(", \"%s\": {\"temperature\": ", name);
    print_number(found->temperature, found->temperature >= -300.0);
    printf(", \"frequencies\": [");
    for (int i = 0; i < found->frequency_count; i++) {
        printf("%s%.0f", i ? ", " : "", found->frequencies[i]);
    }
    printf("], \"governors\": [");
    for (int i = 0; i < found->governor_count; i++) {
        printf("%s\"%s\"", i ? ", " : "", found->governors[i]);
    }
    printf("], \"throttled\": null, \"load\": ");
    print_number(found->load, found->load >= 0.0);
    printf(", \"battery\": ");
    if (found->battery < 0.0) {
        printf("null");
    } else {
        printf("{\"level\": %.15g, \"status\": \"%s\"}", found->battery, found->battery_status);
    }
    printf(", \"processor\": ");
    if (found->busy < 0.0) {
        printf("null");
    } else {
        printf("{\"busy\": %.15g, \"stolen\": %.15g}", found->busy, found->stolen);
    }
    printf(", \"own\": %.15g, \"preempted\": %ld, \"time\": %.15g}", found->own, found->preempted, found->time);
}

void run_bench(const struct options *options)
{
    struct conditions before;
    struct conditions steady;
    struct conditions after;
    const long long most = options->runs < 1 ? 1 : options->runs;
    double *samples = allocate((unsigned long long)most * sizeof *samples);
    double *sorted = allocate((unsigned long long)most * sizeof *sorted);
    long long count = 0;
    double sum = 0.0;
    int stable;
    const long long memory_before = process_memory("VmRSS");
    read_conditions(&before);
    const double start = seconds_now();
    model_reset();
    const double load_time = seconds_now() - start;
    for (int i = 0; i < model_input_count; i++) {
        fill(&model_inputs[i]);
    }
    const double first = timed_run();
    const long long warmups = warm_up(options->warmup, options->warmup_seconds, &stable);
    read_conditions(&steady);
    const double end = seconds_now() + options->seconds;
    while (count < most && (seconds_now() < end || count < 10)) {
        samples[count] = timed_run();
        sum += samples[count++];
    }
    memcpy(sorted, samples, (size_t)count * sizeof *sorted);
    qsort(sorted, (size_t)count, sizeof *sorted, ascending);
    read_conditions(&after);
    printf("EDGEPACK-RESULT\n{\"runs\": %lld, \"warmup_runs\": %lld, \"stable\": %s, \"min\": %.9f, \"p50\": %.9f, \"p95\": %.9f, "
           "\"p99\": %.9f, \"max\": %.9f, \"mean\": %.9f, \"first\": %.9f, \"import_time\": 0, \"load_time\": %.9f, \"samples\": [",
           count, warmups, stable ? "true" : "false", sorted[0], percentile(sorted, count, 50), percentile(sorted, count, 95),
           percentile(sorted, count, 99), sorted[count - 1], sum / (double)count, first, load_time);
    for (long long i = 0; i < count; i++) {
        printf("%s%.9f", i ? ", " : "", samples[i]);
    }
    printf("]");
    print_bytes("peak_memory", process_memory("VmHWM"));
    print_bytes("memory_before", memory_before);
    print_conditions("before", &before);
    print_conditions("steady", &steady);
    print_conditions("after", &after);
    if (options->power != NULL && strcmp(options->power, "off") != 0) {
        printf(", \"energy\": {\"reason\": \"the program of engine c reads no power sensor\"}");
    }
}

/* Time blocks of inferences as they are asked for on standard input, so that another program can run in between: says
   "ready MICROSECONDS", answers each line "block SECONDS" with the block's times in nanoseconds, and ends at any other. */
void run_serve(const struct options *options)
{
    struct conditions before;
    struct conditions steady;
    struct conditions after;
    double window[WINDOW];
    char line[128];
    int stable;
    double *samples = allocate(BLOCK_MOST * sizeof *samples);
    const long long memory_before = process_memory("VmRSS");
    read_conditions(&before);
    const double start = seconds_now();
    model_reset();
    const double load_time = seconds_now() - start;
    for (int i = 0; i < model_input_count; i++) {
        fill(&model_inputs[i]);
    }
    const double first = timed_run();
    const long long warmups = warm_up(options->warmup, options->warmup_seconds, &stable);
    for (int i = 0; i < WINDOW; i++) {
        window[i] = timed_run();
    }
    const double micros = window_median(window) * 1e6;
    read_conditions(&steady);
    printf("ready %.0f\n", micros < 1.0 ? 1.0 : micros);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL && strncmp(line, "block ", 6) == 0) {
        const double end = seconds_now() + atof(line + 6);
        int runs = 0;
        while (runs < BLOCK_MOST && (runs < BLOCK_LEAST || seconds_now() < end)) {
            samples[runs++] = timed_run();
        }
        for (int run = 0; run < runs; run++) {
            printf("%s%.0f", run ? " " : "", samples[run] * 1e9);
        }
        printf("\n");
        fflush(stdout);
    }
    read_conditions(&after);
    printf("EDGEPACK-RESULT\n{\"warmup_runs\": %lld, \"stable\": %s, \"first\": %.9f, \"import_time\": 0, \"load_time\": %.9f", warmups,
           stable ? "true" : "false", first, load_time);
    print_bytes("peak_memory", process_memory("VmHWM"));
    print_bytes("memory_before", memory_before);
    print_conditions("before", &before);
    print_conditions("steady", &steady);
    print_conditions("after", &after);
}
