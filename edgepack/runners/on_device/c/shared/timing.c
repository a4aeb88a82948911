/* Timing single inferences as run_bench.py does; every time is in seconds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runner.h"

#define WINDOW 10   /* runs whose median is compared with that of the runs before */
#define STABLE 0.02 /* relative change of the median below which the warm-up has ended */
#define QUICK 200

double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

void sort(double *values, long long count)
{
    qsort(values, (size_t)count, sizeof *values, ascending);
}

/* The smallest value that at least `share` per cent of the sorted values do not exceed (nearest rank). */
double percentile(const double *sorted, long long count, int share)
{
    const long long rank = (count * share + 99) / 100 - 1;
    return sorted[rank < 0 ? 0 : rank];
}

double median_of(const double *values, long long count)
{
    double *sorted = allocate((unsigned long long)count * sizeof *sorted);
    memcpy(sorted, values, (size_t)count * sizeof *sorted);
    sort(sorted, count);
    const double median = percentile(sorted, count, 50);
    free(sorted);
    return median;
}

double timed_run(struct model *model)
{
    const double start = seconds_now();
    run_model(model);
    return seconds_now() - start;
}

/* xorshift32 (Marsaglia, "Xorshift RNGs", 2003). */
static uint32_t next_random(void)
{
    static uint32_t state = 2463534242u;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

/* Random values. Integers wider than 16 bits may be indices: they stay 0. */
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

void fill_inputs(struct model *model)
{
    for (int i = 0; i < model->input_count; i++) {
        fill(&model->inputs[i]);
    }
}

/* Run until the median of a window stops moving; the number of runs. */
long long warm_up(struct model *model, long long at_least, double seconds, int *stable)
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

/* A first impression: the median of the inferences of about `seconds`, after half as long a warm-up. */
void print_quick(struct model *model, double seconds)
{
    double times[QUICK] = {0};
    int stable;
    int count = 0;
    warm_up(model, 2, seconds / 2, &stable);
    const double end = seconds_now() + seconds;
    while (count < QUICK && (seconds_now() < end || count < 10)) {
        times[count++] = timed_run(model);
    }
    printf(", \"p50\": %.9f, \"timed\": %d, \"stable\": %s", median_of(times, count), count, stable ? "true" : "false");
}
