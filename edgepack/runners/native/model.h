/* What the runner knows of a model; a generated file defines it. All sizes are of one example. */
#ifndef EDGEPACK_MODEL_H
#define EDGEPACK_MODEL_H

#include <stddef.h>
#include <stdint.h>

enum element { ELEMENT_INT8, ELEMENT_UINT8, ELEMENT_INT16, ELEMENT_INT32, ELEMENT_INT64, ELEMENT_FLOAT32, ELEMENT_BOOL };

struct tensor {
    void *data;
    size_t bytes;
    enum element element;
};

extern const struct tensor model_inputs[];
extern const struct tensor model_outputs[];
extern const int model_input_count;
extern const int model_output_count;
extern const char model_sha256[];  /* of the .tflite that the code was generated from, in hexadecimal digits */
extern const char model_version[]; /* what generated and compiled it; needs no escaping in JSON */

int model_run(void);
void model_reset(void);

#endif
