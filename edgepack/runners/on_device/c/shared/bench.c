/* Latency of one inference, its spread, memory and the conditions it was measured in; times in seconds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conditions.h"
#include "runner.h"

#define BLOCK_LEAST 4 /* runs of a block, the first of which meets caches that another model filled */
#define BLOCK_MOST 65536
#define READY_RUNS 10 /* whose median tells how long a block will take */

/* A model that was opened, run once and warmed up, and what that cost. */
struct warmed {
    struct model model;
    struct conditions before, steady;
    double memory_before, first;
    long long warmup_runs;
    int stable;
};

static void open_warm(const struct options *options, struct warmed *warmed)
{
    warmed->memory_before = process_memory("VmRSS");
    read_conditions(&warmed->before);
    open_model(options, &warmed->model);
    fill_inputs(&warmed->model);
    warmed->first = timed_run(&warmed->model);
    warmed->warmup_runs = warm_up(&warmed->model, options->warmup, options->warmup_seconds, &warmed->stable);
    read_conditions(&warmed->steady);
}

static void print_bytes(const char *name, double bytes)
{
    printf(", ");
    print_number(name, bytes, bytes > UNKNOWN);
}

static void print_warmed(const struct warmed *warmed)
{
    struct conditions after;
    read_conditions(&after);
    printf("\"warmup_runs\": %lld, \"stable\": %s, \"first\": %.9f, \"import_time\": %.9f, \"load_time\": %.9f",
           warmed->warmup_runs, warmed->stable ? "true" : "false", warmed->first, warmed->model.import_time,
           warmed->model.load_time);
    print_bytes("peak_memory", process_memory("VmHWM"));
    print_bytes("memory_before", warmed->memory_before);
    print_conditions("before", &warmed->before);
    print_conditions("steady", &warmed->steady);
    print_conditions("after", &after);
}

void run_bench(const struct options *options)
{
    static struct warmed warmed;
    static struct watch watch;
    const long long most = options->runs < 1 ? 1 : options->runs;
    const double seconds = options->seconds < 0 ? 30.0 : options->seconds;
    double *samples = allocate((unsigned long long)most * sizeof *samples);
    double *sorted = allocate((unsigned long long)most * sizeof *sorted);
    long long count = 0;
    double sum = 0.0;
    open_warm(options, &warmed);
    watch.start = seconds_now();
    while (count < most && (seconds_now() < watch.start + seconds || count < 10)) {
        look(&watch);
        samples[count] = timed_run(&warmed.model);
        sum += samples[count++];
    }
    memcpy(sorted, samples, (size_t)count * sizeof *sorted);
    sort(sorted, count);
    begin_result();
    print_warmed(&warmed);
    print_watch(&watch);
    printf(", \"runs\": %lld, \"min\": %.9f, \"p50\": %.9f, \"p95\": %.9f, \"p99\": %.9f, \"max\": %.9f, \"mean\": %.9f, ", count,
           sorted[0], percentile(sorted, count, 50), percentile(sorted, count, 95), percentile(sorted, count, 99),
           sorted[count - 1], sum / (double)count);
    print_times(samples, count);
    if (options->power == NULL || strcmp(options->power, "off") != 0) {
        printf(", \"energy\": {\"reason\": \"the runner in C reads no power sensor\"}");
    }
}

/* Time blocks of inferences as they are asked for on standard input, so that another program can run in between: says
   "ready MICROSECONDS", answers each line "block SECONDS" with the block's times in nanoseconds, and ends at any other. */
void run_serve(const struct options *options)
{
    static struct warmed warmed;
    char line[128];
    double *samples = allocate(BLOCK_MOST * sizeof *samples);
    open_warm(options, &warmed);
    for (int i = 0; i < READY_RUNS; i++) {
        samples[i] = timed_run(&warmed.model);
    }
    const double micros = median_of(samples, READY_RUNS) * 1e6;
    printf("ready %.0f\n", micros < 1.0 ? 1.0 : micros);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL && strncmp(line, "block ", 6) == 0) {
        const double end = seconds_now() + atof(line + 6);
        int runs = 0;
        while (runs < BLOCK_MOST && (runs < BLOCK_LEAST || seconds_now() < end)) {
            samples[runs++] = timed_run(&warmed.model);
        }
        for (int run = 0; run < runs; run++) {
            printf("%s%.0f", run ? " " : "", samples[run] * 1e9);
        }
        printf("\n");
        fflush(stdout);
    }
    begin_result();
    print_warmed(&warmed);
}
