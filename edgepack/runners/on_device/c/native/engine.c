/* Engine `c`: a model that was compiled to C, in a static program that needs nothing on the device.

   The .tflite is not read for running; its SHA-256 must be that of the file the code was generated from, so that a program
   of an older model cannot be taken for the newer one's. It runs on one thread, whatever the command line says. */
#include <stdio.h>
#include <string.h>

#include "layers.h"
#include "model.h"
#include "runner.h"
#include "sha256.h"

int engine_option(const char *option, const char *value)
{
    (void)option;
    (void)value;
    return 0;
}

void engine_start(struct options *options)
{
    options->engine = "c";
    options->threads = 1;
}

const char *engine_version(void)
{
    return model_version;
}

void engine_probe(void)
{
    printf("\"model_sha256\": \"%s\"", model_sha256);
}

#ifdef EDGEPACK_LAYERS
void engine_tells_layers(void)
{
}

void layers_mark(int index)
{
    static int layer = -1;
    layer_ends(layer);
    layer = index < EDGEPACK_LAYERS ? layer_begins("", index) : -1;
}
#else
void engine_tells_layers(void)
{
    fail("runtime", "this program was built without a clock between its layers");
}
#endif

static void check_model(const char *path)
{
    char digits[65];
    if (sha256_file(path, digits) != 0) {
        fail_file(path);
    }
    if (strcmp(digits, model_sha256) != 0) {
        fail("model", "this program was compiled from the model with sha256 %.16s, %s is %.16s", model_sha256, path, digits);
    }
}

void open_model(const struct options *options, struct model *model)
{
    check_model(options->model);
    if (model_input_count > MOST_TENSORS || model_output_count > MOST_TENSORS) {
        fail("model", "the model has more than %d inputs or outputs", MOST_TENSORS);
    }
    const double start = seconds_now();
    model_reset();
    model->import_time = 0.0;
    model->load_time = seconds_now() - start;
    model->input_count = model_input_count;
    model->output_count = model_output_count;
    memcpy(model->inputs, model_inputs, (size_t)model_input_count * sizeof *model_inputs);
    memcpy(model->outputs, model_outputs, (size_t)model_output_count * sizeof *model_outputs);
}

void run_model(struct model *model)
{
    const int status = model_run();
    (void)model;
    if (status != 0) {
        fail("model", "the model returned %d", status);
    }
}

void reset_model(void)
{
    model_reset();
}
