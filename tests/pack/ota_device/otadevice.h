#ifndef OTADEVICE_H
#define OTADEVICE_H

#include <stdint.h>

#define OTADEVICE_ARENA_SIZE 16

int otadevice_run(const int32_t *input, int32_t *output, uint8_t *arena);

#endif
