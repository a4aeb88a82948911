/* Golden vectors and test sets: files of examples, one after the other. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "model.h"
#include "runner.h"

struct reader {
    FILE *file;
    const char *path;
    const struct tensor *tensor;
};

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Open a file of examples of `tensor`; the number of them. */
static long long open_samples(struct reader *reader, const char *path, const struct tensor *tensor)
{
    long long bytes;
    reader->path = path;
    reader->tensor = tensor;
    reader->file = fopen(path, "rb");
    if (reader->file == NULL || fseek(reader->file, 0, SEEK_END) != 0 || (bytes = ftell(reader->file)) < 0) {
        fail_file(path);
    }
    if (tensor->bytes == 0 || bytes % (long long)tensor->bytes != 0) {
        fail("data", "%s does not hold whole tensors of %zu bytes", path, tensor->bytes);
    }
    rewind(reader->file);
    return bytes / (long long)tensor->bytes;
}

static void read_sample(struct reader *reader, void *to)
{
    if (fread(to, reader->tensor->bytes, 1, reader->file) != 1) {
        fail("system", "%s: cannot be read", reader->path);
    }
}

static long long open_all(struct reader *readers, const struct tensor *tensors, int count, const char *const *paths)
{
    long long samples = 0;
    for (int i = 0; i < count; i++) {
        const long long found = open_samples(&readers[i], paths[i], &tensors[i]);
        if (i > 0 && found != samples) {
            fail("data", "the files hold different numbers of samples: %lld and %lld", samples, found);
        }
        samples = found;
    }
    return samples;
}

static long long open_golden(struct reader *readers, const struct tensor *tensors, int count, const char *folder, const char *kind)
{
    const char *paths[MOST_FILES];
    for (int i = 0; i < count; i++) {
        const size_t size = strlen(folder) + 32;
        char *path = allocate(size);
        snprintf(path, size, "%s/%s_%d.bin", folder, kind, i);
        paths[i] = path;
    }
    return open_all(readers, tensors, count, paths);
}

static void run(const char *what)
{
    const int status = model_run();
    if (status != 0) {
        fail("model", "the model returned %d on %s", status, what);
    }
}

static double element_at(enum element element, const void *data, size_t index)
{
    switch (element) {
    case ELEMENT_INT8: return ((const int8_t *)data)[index];
    case ELEMENT_UINT8: return ((const uint8_t *)data)[index];
    case ELEMENT_BOOL: return ((const uint8_t *)data)[index];
    case ELEMENT_INT16: return ((const int16_t *)data)[index];
    case ELEMENT_INT32: return ((const int32_t *)data)[index];
    case ELEMENT_INT64: return (double)((const int64_t *)data)[index];
    default: return ((const float *)data)[index];
    }
}

static size_t element_bytes(enum element element)
{
    static const size_t bytes[] = {1, 1, 2, 4, 8, 4, 1};
    return bytes[element];
}

struct difference {
    double largest;
    long long values;
    int argmax_moved;
};

/* Compare one output with the expected one; a NaN differs from everything. */
static void compare(const struct tensor *tensor, const void *expected, struct difference *found)
{
    const size_t count = tensor->bytes / element_bytes(tensor->element);
    size_t best = 0;
    size_t expected_best = 0;
    for (size_t i = 0; i < count; i++) {
        const double got = element_at(tensor->element, tensor->data, i);
        const double wanted = element_at(tensor->element, expected, i);
        double difference = fabs(got - wanted);
        if (isnan(difference)) {
            difference = 1.7976931348623157e308;
        }
        found->values += difference != 0.0;
        found->largest = difference > found->largest ? difference : found->largest;
        best = got > element_at(tensor->element, tensor->data, best) ? i : best;
        expected_best = wanted > element_at(tensor->element, expected, expected_best) ? i : expected_best;
    }
    found->argmax_moved |= best != expected_best;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

void run_golden(const struct options *options)
{
    struct reader inputs[MOST_FILES];
    struct reader outputs[MOST_FILES];
    if (options->folder == NULL) {
        fail("data", "--folder is missing");
    }
    const long long count = open_golden(inputs, model_inputs, model_input_count, options->folder, "input");
    if (open_golden(outputs, model_outputs, model_output_count, options->folder, "output") != count || count == 0) {
        fail("data", "the golden inputs and outputs are not equally many, and at least one");
    }
    void *expected[MOST_FILES];
    for (int i = 0; i < model_output_count; i++) {
        expected[i] = allocate(model_outputs[i].bytes);
    }
    double *largest = allocate((unsigned long long)count * sizeof *largest);
    double most = 0.0;
    long long values = 0;
    long long moved = 0;
    long long differing = 0;
    model_reset();
    for (long long sample = 0; sample < count; sample++) {
        struct difference found = {0.0, 0, 0};
        for (int i = 0; i < model_input_count; i++) {
            read_sample(&inputs[i], model_inputs[i].data);
        }
        run("a golden vector");
        for (int i = 0; i < model_output_count; i++) {
            read_sample(&outputs[i], expected[i]);
            compare(&model_outputs[i], expected[i], &found);
        }
        largest[sample] = found.largest;
        most = found.largest > most ? found.largest : most;
        values += found.values;
        moved += found.argmax_moved;
        differing += found.values != 0;
    }
    qsort(largest, (size_t)count, sizeof *largest, ascending);
    printf("EDGEPACK-RESULT\n{\"count\": %lld, \"inputs_differing\": %lld, \"values_differing\": %lld, \"max_difference\": %.17g, "
           "\"median_difference\": %.17g, \"argmax_moved\": %lld",
           count, differing, values, most, largest[(count + 1) / 2 - 1], moved);
}

void run_infer(const struct options *options)
{
    struct reader inputs[MOST_FILES];
    FILE *outputs[MOST_FILES];
    if (options->input_count != model_input_count || options->output_count != model_output_count) {
        fail("data", "the model has %d inputs and %d outputs, %d and %d files were given", model_input_count, model_output_count,
             options->input_count, options->output_count);
    }
    const long long samples = open_all(inputs, model_inputs, model_input_count, options->inputs);
    const long long wanted = options->count < 0 ? samples : options->count;
    const long long left = samples > options->first ? samples - options->first : 0;
    const long long count = wanted < left ? wanted : left;
    for (int i = 0; i < model_input_count; i++) {
        if (fseek(inputs[i].file, (long)(options->first * (long long)model_inputs[i].bytes), SEEK_SET) != 0) {
            fail_file(inputs[i].path);
        }
    }
    for (int i = 0; i < model_output_count; i++) {
        outputs[i] = fopen(options->outputs[i], "wb");
        if (outputs[i] == NULL) {
            fail_file(options->outputs[i]);
        }
    }
    model_reset();
    const double start = seconds_now();
    for (long long sample = 0; sample < count; sample++) {
        for (int i = 0; i < model_input_count; i++) {
            read_sample(&inputs[i], model_inputs[i].data);
        }
        if (!options->sequence) {
            model_reset();
        }
        run("a sample");
        for (int i = 0; i < model_output_count; i++) {
            if (fwrite(model_outputs[i].data, model_outputs[i].bytes, 1, outputs[i]) != 1) {
                fail_file(options->outputs[i]);
            }
        }
    }
    const double seconds = seconds_now() - start;
    for (int i = 0; i < model_output_count; i++) {
        if (fclose(outputs[i]) != 0) {
            fail_file(options->outputs[i]);
        }
    }
    printf("EDGEPACK-RESULT\n{\"count\": %lld, \"seconds\": %.9g", count, seconds);
}
