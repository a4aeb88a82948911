/* Latency of one inference as run_bench.py measures it; every time is in seconds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runner.h"

#define WINDOW 10    /* runs whose median is compared with that of the runs before */
#define STABLE 0.02  /* relative change of the median below which the warm-up has ended */
#define LEAST 4      /* runs of a block, the first of which meets caches that another model filled */
#define INTERVAL 0.5 /* seconds between two looks at clock and heat */
#define LOOKS 400
#define QUICK 200

double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

int ascending(const void *a, const void *b)
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

static double median_of(const double *values, long long count)
{
    double sorted[QUICK];
    memcpy(sorted, values, (size_t)count * sizeof *sorted);
    qsort(sorted, (size_t)count, sizeof *sorted, ascending);
    return percentile(sorted, count, 50);
}

static double timed_run(struct model *model)
{
    const double start = seconds_now();
    run_model(model);
    return seconds_now() - start;
}

/* Pseudo-random bytes (xorshift32: Marsaglia, "Xorshift RNGs", 2003). Integers wider than 16 bits may be indices: they stay 0. */
static void fill(const struct tensor *tensor)
{
    uint32_t state = 2463534242u;
    memset(tensor->data, 0, tensor->bytes);
    for (size_t i = 0; i < tensor->bytes; i++) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        if (tensor->element == ELEMENT_INT8 || tensor->element == ELEMENT_UINT8) {
            ((uint8_t *)tensor->data)[i] = (uint8_t)(state >> 16);
        } else if (tensor->element == ELEMENT_INT16 && i % 2 == 0) {
            ((int16_t *)tensor->data)[i / 2] = (int16_t)((int)(state >> 16 & 255u) - 128);
        } else if (tensor->element == ELEMENT_FLOAT32 && i % 4 == 0) {
            ((float *)tensor->data)[i / 4] = (float)(state >> 8) / 8388608.0f - 1.0f;
        }
    }
}

/* Run until the median of a window stops moving; the number of runs. */
static long long warm_up(struct model *model, long long at_least, double seconds, int *stable)
{
    double last[2 * WINDOW] = {0};
    long long runs = 0;
    const double end = seconds_now() + seconds;
    for (;;) {
        memmove(last, last + 1, sizeof last - sizeof *last);
        last[2 * WINDOW - 1] = timed_run(model);
        runs++;
        if (runs >= at_least && runs >= 2 * WINDOW) {
            const double before = median_of(last, WINDOW);
            const double now = median_of(last + WINDOW, WINDOW);
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

void print_quick(struct model *model, double seconds)
{
    double times[QUICK];
    int stable;
    int count = 0;
    warm_up(model, 2, seconds / 2, &stable);
    const double end = seconds_now() + seconds;
    while (count < QUICK && (seconds_now() < end || count < 10)) {
        times[count++] = timed_run(model);
    }
    printf(", \"p50\": %.9f, \"timed\": %d, \"stable\": %s", median_of(times, count), count, stable ? "true" : "false");
}

static void print_bytes(const char *name, long long bytes)
{
    if (bytes < 0) {
        printf(", \"%s\": null", name);
    } else {
        printf(", \"%s\": %lld", name, bytes);
    }
}

/* Open the model and run it once; prints what that cost as the result's first fields. */
static void open_timed(const struct options *options, double import_time, struct model *model)
{
    print_conditions("before");
    const long long memory = process_memory("VmRSS");
    open_model(model, options->model, options->threads, options->xnnpack);
    for (int i = 0; i < model->input_count; i++) {
        fill(&model->inputs[i]);
    }
    const double first = timed_run(model);
    printf(", \"import_time\": %.9f, \"load_time\": %.9f, \"first\": %.9f", import_time, model->load_time, first);
    print_bytes("memory_before", memory);
}

void run_bench(const struct options *options, double import_time)
{
    struct model model;
    double looked[LOOKS];
    int looks = 0;
    int stable;
    long long count = 0;
    double sum = 0.0;
    const long long most = options->runs < 1 ? 1 : options->runs;
    double *samples = allocate((unsigned long long)most * sizeof *samples);
    double *sorted = allocate((unsigned long long)most * sizeof *sorted);
    open_timed(options, import_time, &model);
    const long long warmups = warm_up(&model, options->warmup, options->warmup_seconds, &stable);
    printf(", ");
    print_conditions("steady");
    printf(", \"during\": [");
    const double start = seconds_now();
    while (count < most && (seconds_now() < start + options->seconds || count < 10)) {
        const double now = seconds_now() - start;
        if (looks < LOOKS && (looks == 0 || now >= looked[looks - 1] + INTERVAL)) {
            print_look(now, looks == 0);
            looked[looks++] = seconds_now() - start;
        }
        samples[count] = timed_run(&model);
        sum += samples[count++];
    }
    printf("], ");
    print_conditions("after");
    memcpy(sorted, samples, (size_t)count * sizeof *sorted);
    qsort(sorted, (size_t)count, sizeof *sorted, ascending);
    printf(", \"runs\": %lld, \"warmup_runs\": %lld, \"stable\": %s, \"min\": %.9f, \"p50\": %.9f, \"p95\": %.9f, \"p99\": %.9f, "
           "\"max\": %.9f, \"mean\": %.9f, \"samples\": [",
           count, warmups, stable ? "true" : "false", sorted[0], percentile(sorted, count, 50), percentile(sorted, count, 95),
           percentile(sorted, count, 99), sorted[count - 1], sum / (double)count);
    for (long long i = 0; i < count; i++) {
        printf("%s%.9f", i ? ", " : "", samples[i]);
    }
    printf("]");
    print_bytes("peak_memory", process_memory("VmHWM"));
    printf(", \"energy\": {\"reason\": \"the runner without Python reads no power sensor\"}");
}

/* Blocks as they are asked for on standard input; see run_bench.py. The result is printed at the end, in one piece. */
void run_serve(const struct options *options, double import_time)
{
    struct model model;
    double times[WINDOW];
    char line[128];
    char *opened;
    size_t size;
    int stable;
    FILE *out = stdout;
    stdout = open_memstream(&opened, &size);
    if (stdout == NULL) {
        stdout = out;
        fail("system", "there is no memory");
    }
    open_timed(options, import_time, &model);
    const long long warmups = warm_up(&model, options->warmup, options->warmup_seconds, &stable);
    for (int i = 0; i < WINDOW; i++) {
        times[i] = timed_run(&model);
    }
    printf(", ");
    print_conditions("steady");
    fclose(stdout);
    stdout = out;
    const long long micros = (long long)(median_of(times, WINDOW) * 1e6 + 0.5);
    printf("ready %lld\n", micros < 1 ? 1 : micros);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL && strncmp(line, "block ", 6) == 0) {
        const double end = seconds_now() + atof(line + 6);
        for (int runs = 0; runs < LEAST || seconds_now() < end; runs++) {
            printf("%s%.0f", runs ? " " : "", timed_run(&model) * 1e9);
        }
        printf("\n");
        fflush(stdout);
    }
    printf("EDGEPACK-RESULT\n{%s, ", opened);
    print_conditions("after");
    printf(", \"warmup_runs\": %lld, \"stable\": %s", warmups, stable ? "true" : "false");
    print_bytes("peak_memory", process_memory("VmHWM"));
}
