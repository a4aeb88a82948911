/* A layer timed here holds one reading of the clock, whose own time is measured and told. */
#include "layers.h"

#include <stdio.h>
#include <string.h>

#include "runner.h"

#define MOST_LAYERS 2048
#define READINGS 1000

struct layer {
    char name[64];
    long long number;
    double start, seconds; /* negative until it has ended */
};

static struct layer layers[MOST_LAYERS]; /* of the inference that runs */
static int layer_count;

int layer_begins(const char *name, long long number)
{
    if (layer_count == MOST_LAYERS) {
        return MOST_LAYERS;
    }
    struct layer *const layer = &layers[layer_count];
    snprintf(layer->name, sizeof layer->name, "%s", name);
    layer->number = number;
    layer->seconds = -1.0;
    layer->start = seconds_now();
    return layer_count++;
}

void layer_ends(int layer)
{
    const double now = seconds_now();
    if (layer >= 0 && layer < layer_count) {
        layers[layer].seconds = now - layers[layer].start;
    }
}

void layer_took(const char *name, long long number, double seconds)
{
    const int layer = layer_begins(name, number);
    if (layer < MOST_LAYERS) {
        layers[layer].seconds = seconds;
    }
}

static double timed_layers(struct model *model)
{
    layer_count = 0;
    const double whole = timed_run(model);
    if (layer_count == 0 || layer_count == MOST_LAYERS) {
        fail("runtime", "the engine told of %s operators", layer_count == 0 ? "no" : "too many");
    }
    return whole;
}

/* The layers of the last inference are those of the first, each has ended; their seconds go to times[layer * runs]. Their sum. */
static double take(const struct layer *first, int count, double *times, long long runs)
{
    int same = layer_count == count;
    double sum = 0.0;
    for (int i = 0; i < count && same; i++) {
        same = strcmp(layers[i].name, first[i].name) == 0 && layers[i].number == first[i].number && layers[i].seconds >= 0.0;
        times[i * runs] = layers[i].seconds;
        sum += layers[i].seconds;
    }
    if (!same) {
        fail("model", "not every inference has the same operators");
    }
    return sum;
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
    static struct layer first[MOST_LAYERS];
    struct model model;
    int stable;
    long long done = 0;
    double inside = 0.0;
    double all = 0.0;
    const long long runs = options->runs < 1 ? 1 : options->runs;
    const double seconds = options->seconds < 0 ? 30.0 : options->seconds;
    engine_tells_layers();
    open_model(options, &model);
    fill_inputs(&model);
    timed_layers(&model);
    const int count = layer_count;
    memcpy(first, layers, (size_t)count * sizeof *layers);
    double *whole = allocate((unsigned long long)runs * sizeof *whole);
    double *times = allocate((unsigned long long)runs * (unsigned long long)count * sizeof *times);
    layer_count = 0;
    const long long warmups = warm_up(&model, options->warmup, options->warmup_seconds, &stable);
    const double end = seconds_now() + seconds;
    while (done < runs && (seconds_now() < end || done < 10)) {
        whole[done] = timed_layers(&model);
        all += whole[done];
        inside += take(first, count, times + done, runs);
        done++;
    }
    sort(whole, done);
    begin_result();
    printf("\"runs\": %lld, \"warmup_runs\": %lld, \"stable\": %s, \"min\": %.9f, \"p50\": %.9f, \"max\": %.9f, \"covered\": %.6f, "
           "\"clock\": %.9f, \"layers\": [",
           done, warmups, stable ? "true" : "false", whole[0], percentile(whole, done, 50), whole[done - 1], inside / all,
           clock_time());
    for (int i = 0; i < count; i++) {
        double *of_layer = times + i * runs;
        sort(of_layer, done);
        printf("%s{\"name\": \"", i ? ", " : "");
        print_text(first[i].name);
        printf("\", \"number\": %lld, \"min\": %.9f, \"p50\": %.9f, \"max\": %.9f}", first[i].number, of_layer[0],
               percentile(of_layer, done, 50), of_layer[done - 1]);
    }
    printf("]");
}
