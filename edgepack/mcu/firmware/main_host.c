/* The same test loop on the host: main sequence|independent INPUTS OUTPUTS, records as firmware/main_emulated.c writes them.
 * Independent examples each start from the model's initial state. */
#include <stdio.h>
#include <string.h>

#include "harness.h"

static int read_inputs(FILE *file)
{
    for (uint32_t index = 0; index < harness_input_count; index++) {
        if (fread(harness_inputs[index].data, 1, harness_inputs[index].bytes, file) != harness_inputs[index].bytes) {
            return 0;
        }
    }
    return 1;
}

static int write_record(FILE *file, int32_t status)
{
    const int32_t head[2] = {status, 0};
    if (fwrite(head, sizeof head, 1, file) != 1) {
        return 0;
    }
    for (uint32_t index = 0; index < harness_output_count; index++) {
        if (fwrite(harness_outputs[index].data, 1, harness_outputs[index].bytes, file) != harness_outputs[index].bytes) {
            return 0;
        }
    }
    return 1;
}

int main(int argc, char **argv)
{
    FILE *inputs = argc == 4 ? fopen(argv[2], "rb") : NULL;
    FILE *outputs = argc == 4 ? fopen(argv[3], "wb") : NULL;
    if (inputs == NULL || outputs == NULL) {
        fprintf(stderr, "usage: model sequence|independent INPUTS OUTPUTS\n");
        return 2;
    }
    const int independent = strcmp(argv[1], "independent") == 0;
    harness_reset();
    while (read_inputs(inputs)) {
        if (independent) {
            harness_reset();
        }
        const int32_t status = harness_call();
        if (!write_record(outputs, status)) {
            perror(argv[3]);
            return 3;
        }
    }
    return fclose(outputs) == 0 ? 0 : 3;
}
