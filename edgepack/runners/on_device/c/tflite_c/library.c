/* TensorFlow Lite's C API (tensorflow/lite/c/c_api.h, stable since 2.3), found by name in a shared library when the program
   runs: the same program serves libtensorflowlite_c.so, libtensorflowlite_jni.so and libLiteRtRuntimeCApi.so.

   The command line says which: `--library PATH` is this engine's own option. */
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "layers.h"
#include "runner.h"

struct Model;
struct Options;
struct Interpreter;
struct Tensor;

/* TfLiteXNNPackDelegateOptions (delegates/xnnpack/xnnpack_delegate.h) has grown with every release. It is returned through a
   pointer, as the ABIs of x86-64 and Arm do with structures of this size, so any size at least as large as the library's
   does. Its first member is all that is changed here. */
struct xnnpack_options {
    int32_t threads;
    uint32_t others[255];
};

/* TfLiteTelemetryProfilerStruct (profiling/telemetry/c/profiler.h): the library calls its functions, all of which it needs. */
struct profiler {
    void *data;
    void (*event)(struct profiler *self, const char *name, uint64_t status);
    void (*operator_event)(struct profiler *self, const char *name, int64_t operator, int64_t subgraph, uint64_t status);
    void (*settings)(struct profiler *self, const char *name, const void *settings);
    uint32_t (*begin)(struct profiler *self, const char *name, int64_t operator, int64_t subgraph);
    void (*end)(struct profiler *self, uint32_t handle);
    void (*took)(struct profiler *self, const char *name, uint64_t microseconds, int64_t operator, int64_t subgraph);
};

static struct {
    const char *(*version)(void);
    struct Model *(*model_create)(const char *path);
    struct Options *(*options_create)(void);
    void (*set_threads)(struct Options *options, int32_t threads);
    void (*set_reporter)(struct Options *options, void (*report)(void *data, const char *format, va_list values), void *data);
    struct Interpreter *(*interpreter_create)(const struct Model *model, const struct Options *options);
    int (*allocate)(struct Interpreter *interpreter);
    int (*invoke)(struct Interpreter *interpreter);
    int (*reset)(struct Interpreter *interpreter);
    int32_t (*input_count)(const struct Interpreter *interpreter);
    int32_t (*output_count)(const struct Interpreter *interpreter);
    struct Tensor *(*input)(const struct Interpreter *interpreter, int32_t index);
    const struct Tensor *(*output)(const struct Interpreter *interpreter, int32_t index);
    int (*type)(const struct Tensor *tensor);
    void *(*data)(const struct Tensor *tensor);
    size_t (*bytes)(const struct Tensor *tensor);
    void (*add_delegate)(struct Options *options, void *delegate);
    struct xnnpack_options (*xnnpack_defaults)(void);
    void *(*xnnpack_create)(const struct xnnpack_options *options);
    void (*set_profiler)(struct Options *options, struct profiler *profiler);
} lite;

static struct Interpreter *interpreter;
static const char *library_path;
static double import_time; /* seconds that loading the library took */
static int xnnpack;        /* whether XNNPACK's kernels are wanted */
static int tells_layers;
static char said[512];     /* the library's last words */

__attribute__((format(printf, 2, 0))) static void keep_message(void *data, const char *format, va_list values)
{
    (void)data;
    vsnprintf(said, sizeof said, format, values);
}

/* ISO C has no conversion from a pointer to a function pointer; POSIX promises that dlsym's result is one. */
static void find(void *library, const char *name, void *slot)
{
    void *found = dlsym(library, name);
    if (found == NULL) {
        fail("runtime", "the library has no %s", name);
    }
    *(void **)slot = found;
}

/* The same for what older or smaller libraries lack. */
static void find_if_there(void *library, const char *name, void *slot)
{
    *(void **)slot = dlsym(library, name);
}

static void load_library(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fail("runtime", "%s", dlerror());
    }
    find(library, "TfLiteVersion", &lite.version);
    find(library, "TfLiteModelCreateFromFile", &lite.model_create);
    find(library, "TfLiteInterpreterOptionsCreate", &lite.options_create);
    find(library, "TfLiteInterpreterOptionsSetNumThreads", &lite.set_threads);
    find(library, "TfLiteInterpreterOptionsSetErrorReporter", &lite.set_reporter);
    find(library, "TfLiteInterpreterCreate", &lite.interpreter_create);
    find(library, "TfLiteInterpreterAllocateTensors", &lite.allocate);
    find(library, "TfLiteInterpreterInvoke", &lite.invoke);
    find(library, "TfLiteInterpreterResetVariableTensors", &lite.reset);
    find(library, "TfLiteInterpreterGetInputTensorCount", &lite.input_count);
    find(library, "TfLiteInterpreterGetOutputTensorCount", &lite.output_count);
    find(library, "TfLiteInterpreterGetInputTensor", &lite.input);
    find(library, "TfLiteInterpreterGetOutputTensor", &lite.output);
    find(library, "TfLiteTensorType", &lite.type);
    find(library, "TfLiteTensorData", &lite.data);
    find(library, "TfLiteTensorByteSize", &lite.bytes);
    find_if_there(library, "TfLiteInterpreterOptionsAddDelegate", &lite.add_delegate);
    find_if_there(library, "TfLiteXNNPackDelegateOptionsDefault", &lite.xnnpack_defaults);
    find_if_there(library, "TfLiteXNNPackDelegateCreate", &lite.xnnpack_create);
    find_if_there(library, "TfLiteInterpreterOptionsSetTelemetryProfiler", &lite.set_profiler);
}

int engine_option(const char *option, const char *value)
{
    if (strcmp(option, "--library") != 0) {
        return 0;
    }
    library_path = value;
    return 1;
}

void engine_start(struct options *options)
{
    if (library_path == NULL) {
        fail("runtime", "--library is missing");
    }
    options->engine = options->engine == NULL ? "tflite-c" : options->engine;
    xnnpack = strcmp(options->engine, "tflite-c") == 0;
    if (!xnnpack && strcmp(options->engine, "tflite-c-builtin") != 0) {
        fail("data", "unknown engine %s: use tflite-c or tflite-c-builtin (without XNNPACK)", options->engine);
    }
    const double start = seconds_now();
    load_library(library_path);
    import_time = seconds_now() - start;
}

const char *engine_version(void)
{
    return lite.version();
}

void engine_probe(void)
{
    printf("\"library\": \"");
    print_text(library_path);
    printf("\"");
}

void engine_tells_layers(void)
{
    if (lite.set_profiler == NULL) {
        fail("runtime", "the library tells nothing of its operators (TfLiteInterpreterOptionsSetTelemetryProfiler)");
    }
    tells_layers = 1;
}

static void ignore_event(struct profiler *self, const char *name, uint64_t status)
{
    (void)self;
    (void)name;
    (void)status;
}

static void ignore_operator_event(struct profiler *self, const char *name, int64_t operator, int64_t subgraph, uint64_t status)
{
    (void)self;
    (void)name;
    (void)operator;
    (void)subgraph;
    (void)status;
}

static void ignore_settings(struct profiler *self, const char *name, const void *settings)
{
    (void)self;
    (void)name;
    (void)settings;
}

/* Operators of the main graph; those of a graph that one of them calls are in its time. */
static uint32_t begin_operator(struct profiler *self, const char *name, int64_t operator, int64_t subgraph)
{
    (void)self;
    return subgraph == 0 ? (uint32_t)layer_begins(name, operator) : UINT32_MAX;
}

static void end_operator(struct profiler *self, uint32_t handle)
{
    (void)self;
    layer_ends(handle == UINT32_MAX ? -1 : (int)handle);
}

/* A delegate's operators, after they ran; XNNPACK tells of its own, and then the library does not tell of XNNPACK as a whole. */
static void take_part(struct profiler *self, const char *name, uint64_t microseconds, int64_t operator, int64_t subgraph)
{
    (void)self;
    (void)operator;
    if (subgraph == 0) {
        layer_took(name, -1, (double)microseconds * 1e-6);
    }
}

static struct profiler profiler = {NULL,           ignore_event, ignore_operator_event, ignore_settings,
                                   begin_operator, end_operator, take_part};

/* The numbers of TfLiteType (tensorflow/lite/core/c/c_api_types.h). */
static enum element element_of(int type)
{
    switch (type) {
    case 1: return ELEMENT_FLOAT32;
    case 2: return ELEMENT_INT32;
    case 3: return ELEMENT_UINT8;
    case 4: return ELEMENT_INT64;
    case 6: return ELEMENT_BOOL;
    case 7: return ELEMENT_INT16;
    case 9: return ELEMENT_INT8;
    default: return ELEMENT_NONE;
    }
}

static void look_up(struct model *model)
{
    for (int i = 0; i < model->input_count + model->output_count; i++) {
        const int output = i - model->input_count;
        const struct Tensor *tensor = output < 0 ? lite.input(interpreter, i) : lite.output(interpreter, output);
        struct tensor *found = output < 0 ? &model->inputs[i] : &model->outputs[output];
        found->data = lite.data(tensor);
        found->bytes = lite.bytes(tensor);
        found->element = element_of(lite.type(tensor));
        if (found->element == ELEMENT_NONE || found->data == NULL) {
            fail("model", "an input or output has a type that is not supported (%d)", lite.type(tensor));
        }
    }
}

/* An interpreter with its tensors allocated, with XNNPACK's kernels or without; 0 when the runtime refuses. */
static int create(const struct Model *file, int threads, int with_xnnpack)
{
    struct Options *options = lite.options_create();
    lite.set_threads(options, threads);
    lite.set_reporter(options, keep_message, NULL);
    if (with_xnnpack) {
        struct xnnpack_options settings = lite.xnnpack_defaults();
        settings.threads = threads;
        lite.add_delegate(options, lite.xnnpack_create(&settings));
    }
    if (tells_layers) {
        lite.set_profiler(options, &profiler);
    }
    interpreter = lite.interpreter_create(file, options);
    return interpreter != NULL && lite.allocate(interpreter) == 0;
}

void open_model(const struct options *options, struct model *model)
{
    const double start = seconds_now();
    const struct Model *file = lite.model_create(options->model);
    const int threads = options->threads;
    const int has_xnnpack = lite.add_delegate != NULL && lite.xnnpack_defaults != NULL && lite.xnnpack_create != NULL;
    if (file == NULL) {
        fail("model", "the runtime refuses the model: %s is none", options->model);
    }
    if (!(xnnpack && has_xnnpack && create(file, threads, 1)) && !create(file, threads, 0)) {
        fail("model", "the runtime refuses the model: %s", said);
    }
    model->input_count = lite.input_count(interpreter);
    model->output_count = lite.output_count(interpreter);
    if (model->input_count > MOST_TENSORS || model->output_count > MOST_TENSORS) {
        fail("model", "the model has more than %d inputs or outputs", MOST_TENSORS);
    }
    look_up(model);
    model->import_time = import_time;
    model->load_time = seconds_now() - start;
}

void run_model(struct model *model)
{
    if (lite.invoke(interpreter) != 0) {
        fail("model", "the inference failed: %s", said);
    }
    for (int i = 0; i < model->output_count; i++) {
        model->outputs[i].data = lite.data(lite.output(interpreter, i));
    }
}

void reset_model(void)
{
    if (lite.reset(interpreter) != 0) {
        fail("model", "the model's state cannot be reset: %s", said);
    }
}
