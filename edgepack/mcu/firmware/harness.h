/* What start-up, test loop, board and model glue know of each other. */
#ifndef EDGEPACK_HARNESS_H
#define EDGEPACK_HARNESS_H

#include <stddef.h>
#include <stdint.h>

/* One input or output of the model: where it lies and how long it is. */
struct harness_buffer {
    uint8_t *data;
    uint32_t bytes;
};

/* The model glue, generated for each model. */
extern const struct harness_buffer harness_inputs[], harness_outputs[];
extern const uint32_t harness_input_count, harness_output_count;
void harness_reset(void);
int harness_call(void);

/* The test loop. */
void harness_main(void);

#endif
