/* The time of each layer: a clock read between the operators of whole inferences. EDGEPACK_LAYERS is how many there are.

   A layer's time holds one reading of the clock, whose own time is measured and told. */
#include "layers.h"

#include <stdio.h>
#include <string.h>

#include "runner.h"

#define READINGS 1000

/* Of the inference that runs: the marks passed so far, when each was, and whether they came one after the other. */
static int marks;
static double stamps[EDGEPACK_LAYERS + 1];
static int disordered;

void layers_mark(int index)
{
    if (index == marks && index <= EDGEPACK_LAYERS) {
        stamps[marks++] = seconds_now();
    } else {
        disordered = 1;
    }
}

/* One inference: each layer's seconds to times[layer * runs + run], and those of the whole as the result. */
static double timed_layers(struct model *model, double *times, long long runs, long long run)
{
    marks = disordered = 0;
    const double whole = timed_run(model);
    if (disordered || marks != EDGEPACK_LAYERS + 1) {
        fail("model", "the program's layers did not run one after the other, each once");
    }
    for (int layer = 0; layer < EDGEPACK_LAYERS; layer++) {
        times[layer * runs + run] = stamps[layer + 1] - stamps[layer];
    }
    return whole;
}

/* The median seconds between two readings of the clock. */
static double clock_time(void)
{
    double between[READINGS];
    double last = seconds_now();
    for (int i = 0; i < READINGS; i++) {
        const double now = seconds_now();
        between[i] = now - last;
        last = now;
    }
    return median_of(between, READINGS);
}

void run_layers(const struct options *options)
{
    struct model model;
    int stable;
    long long count = 0;
    const long long runs = options->runs < 1 ? 1 : options->runs;
    const double seconds = options->seconds < 0 ? 30.0 : options->seconds;
    double *whole = allocate((unsigned long long)runs * sizeof *whole);
    double *times = allocate((unsigned long long)runs * EDGEPACK_LAYERS * sizeof *times);
    open_model(options, &model);
    fill_inputs(&model);
    const long long warmups = warm_up(&model, options->warmup, options->warmup_seconds, &stable);
    const double end = seconds_now() + seconds;
    while (count < runs && (seconds_now() < end || count < 10)) {
        whole[count] = timed_layers(&model, times, runs, count);
        count++;
    }
    begin_result();
    printf("\"runs\": %lld, \"warmup_runs\": %lld, \"stable\": %s, \"p50\": %.9f, \"clock\": %.9f, \"layers\": [", count, warmups,
           stable ? "true" : "false", median_of(whole, count), clock_time());
    for (int layer = 0; layer < EDGEPACK_LAYERS; layer++) {
        double *of_layer = times + layer * runs;
        sort(of_layer, count);
        printf("%s{\"min\": %.9f, \"p50\": %.9f, \"max\": %.9f}", layer ? ", " : "", of_layer[0], percentile(of_layer, count, 50),
               of_layer[count - 1]);
    }
    printf("]");
}
