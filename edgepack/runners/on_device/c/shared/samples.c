/* Golden vectors and test sets: files of examples, one after the other. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "runner.h"

struct reader {
    FILE *file;
    const char *path;
    const struct tensor *tensor;
};

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

static void read_sample(const struct reader *reader, void *to)
{
    if (fread(to, reader->tensor->bytes, 1, reader->file) != 1) {
        fail("system", "%s cannot be read", reader->path);
    }
}

/* Open a file for each tensor; the number of examples, which must be the same in all. */
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
    const char *paths[MOST_TENSORS];
    for (int i = 0; i < count; i++) {
        const size_t size = strlen(folder) + 32;
        char *path = allocate(size);
        snprintf(path, size, "%s/%s_%d.bin", folder, kind, i);
        paths[i] = path;
    }
    return open_all(readers, tensors, count, paths);
}

static double element_at(enum element element, const void *data, size_t index)
{
    switch (element) {
    case ELEMENT_INT8: return ((const int8_t *)data)[index];
    case ELEMENT_INT16: return ((const int16_t *)data)[index];
    case ELEMENT_INT32: return ((const int32_t *)data)[index];
    case ELEMENT_INT64: return (double)((const int64_t *)data)[index];
    case ELEMENT_FLOAT32: return ((const float *)data)[index];
    default: return ((const uint8_t *)data)[index];
    }
}

static size_t element_bytes(enum element element)
{
    static const size_t bytes[] = {1, 1, 1, 1, 2, 4, 8, 4}; /* in the order of enum element */
    return bytes[element];
}

struct difference {
    double largest;
    long long values;
    int argmax_moved;
};

/* As numpy's argmax orders values: a NaN is above every number. */
static int above(double a, double b)
{
    return a > b || (isnan(a) && !isnan(b));
}

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
        best = above(got, element_at(tensor->element, tensor->data, best)) ? i : best;
        expected_best = above(wanted, element_at(tensor->element, expected, expected_best)) ? i : expected_best;
    }
    found->argmax_moved |= best != expected_best;
}

void run_golden(const struct options *options)
{
    struct model model;
    struct reader inputs[MOST_TENSORS];
    struct reader outputs[MOST_TENSORS];
    void *expected[MOST_TENSORS];
    if (options->folder == NULL) {
        fail("data", "--folder is missing");
    }
    open_model(options, &model);
    const long long count = open_golden(inputs, model.inputs, model.input_count, options->folder, "input");
    if (open_golden(outputs, model.outputs, model.output_count, options->folder, "output") != count || count == 0) {
        fail("data", "the golden inputs and outputs are not equally many, and at least one");
    }
    for (int i = 0; i < model.output_count; i++) {
        expected[i] = allocate(model.outputs[i].bytes);
    }
    double *largest = allocate((unsigned long long)count * sizeof *largest);
    long long values = 0;
    long long moved = 0;
    long long differing = 0;
    for (long long sample = 0; sample < count; sample++) {
        struct difference found = {0.0, 0, 0};
        for (int i = 0; i < model.input_count; i++) {
            read_sample(&inputs[i], model.inputs[i].data);
        }
        run_model(&model);
        for (int i = 0; i < model.output_count; i++) {
            read_sample(&outputs[i], expected[i]);
            compare(&model.outputs[i], expected[i], &found);
        }
        largest[sample] = found.largest;
        values += found.values;
        moved += found.argmax_moved;
        differing += found.values != 0;
    }
    sort(largest, count);
    begin_result();
    printf("\"count\": %lld, \"inputs_differing\": %lld, \"values_differing\": %lld, \"max_difference\": %.17g, "
           "\"median_difference\": %.17g, \"argmax_moved\": %lld",
           count, differing, values, largest[count - 1], percentile(largest, count, 50), moved);
    if (options->seconds > 0) {
        print_quick(&model, options->seconds);
    }
}

void run_infer(const struct options *options)
{
    struct model model;
    struct reader inputs[MOST_TENSORS];
    FILE *outputs[MOST_TENSORS];
    open_model(options, &model);
    if (options->input_count != model.input_count || options->output_count != model.output_count) {
        fail("data", "the model has %d inputs and %d outputs, %d and %d files were given", model.input_count, model.output_count,
             options->input_count, options->output_count);
    }
    const long long samples = open_all(inputs, model.inputs, model.input_count, options->inputs);
    const long long left = samples > options->first ? samples - options->first : 0;
    const long long count = options->count >= 0 && options->count < left ? options->count : left;
    for (int i = 0; i < model.input_count; i++) {
        if (fseek(inputs[i].file, (long)(options->first * (long long)model.inputs[i].bytes), SEEK_SET) != 0) {
            fail_file(inputs[i].path);
        }
    }
    for (int i = 0; i < model.output_count; i++) {
        outputs[i] = fopen(options->outputs[i], "wb");
        if (outputs[i] == NULL) {
            fail_file(options->outputs[i]);
        }
    }
    const double start = seconds_now();
    for (long long sample = 0; sample < count; sample++) {
        if (!options->sequence) {
            reset_model();
        }
        for (int i = 0; i < model.input_count; i++) {
            read_sample(&inputs[i], model.inputs[i].data);
        }
        run_model(&model);
        for (int i = 0; i < model.output_count; i++) {
            if (fwrite(model.outputs[i].data, model.outputs[i].bytes, 1, outputs[i]) != 1) {
                fail_file(options->outputs[i]);
            }
        }
    }
    const double seconds = seconds_now() - start;
    for (int i = 0; i < model.output_count; i++) {
        if (fclose(outputs[i]) != 0) {
            fail_file(options->outputs[i]);
        }
    }
    begin_result();
    printf("\"count\": %lld, \"seconds\": %.9g", count, seconds);
}
