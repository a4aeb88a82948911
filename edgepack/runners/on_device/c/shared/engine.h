/* What a program of the runner's supplies beside it: the engine that runs models (native/engine.c, tflite_c/library.c). */
#ifndef EDGEPACK_ENGINE_H
#define EDGEPACK_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#define MOST_TENSORS 64

struct options;

enum element { ELEMENT_NONE, ELEMENT_INT8, ELEMENT_UINT8, ELEMENT_BOOL, ELEMENT_INT16, ELEMENT_INT32, ELEMENT_INT64, ELEMENT_FLOAT32 };

/* Of one example. */
struct tensor {
    void *data;
    size_t bytes;
    enum element element;
};

/* An opened model. The outputs' data may move with every run. */
struct model {
    int input_count, output_count;
    struct tensor inputs[MOST_TENSORS], outputs[MOST_TENSORS];
    double import_time, load_time; /* seconds for the runtime, and for opening the model and allocating its tensors */
};

/* Take an option of the engine's own; 0 when it has no such option. */
int engine_option(const char *option, const char *value);

/* Before any command: complete `engine` and `threads`, and load what the engine needs, or fail. */
void engine_start(struct options *options);

const char *engine_version(void);

/* Print the fields of `probe`, without a comma before or after them. */
void engine_probe(void);

/* Before a model is opened: have its operators told by layer_begins and layer_ends, or fail. */
void engine_tells_layers(void);

/* Open the model at options->model in its initial state; run it once; give it its initial state again. Or fail. */
void open_model(const struct options *options, struct model *model);
void run_model(struct model *model);
void reset_model(void);

#endif
