/* What the program knows of its model; a generated file defines it. All sizes are of one example. */
#ifndef EDGEPACK_MODEL_H
#define EDGEPACK_MODEL_H

#include "engine.h"

extern const struct tensor model_inputs[];
extern const struct tensor model_outputs[];
extern const int model_input_count;
extern const int model_output_count;
extern const char model_sha256[];  /* of the .tflite that the code was generated from, in hexadecimal digits */
extern const char model_version[]; /* what generated and compiled it */

int model_run(void);
void model_reset(void);

#endif
