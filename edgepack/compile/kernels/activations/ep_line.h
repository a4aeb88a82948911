/* A function of one int8 that is a straight line, rounded and cut off at both ends. */
#ifndef EP_LINE_H
#define EP_LINE_H

#include "ep_common.h"

#define EP_LINE_SHIFT 16

struct ep_line {
    int32_t size;
    int32_t slope, height; /* times 2^16 */
    int32_t least, most;
};

EP_KERNEL void ep_line(const struct ep_line *op, const int8_t *input, int8_t *output)
{
    int32_t i;
    for (i = 0; i < op->size; i++) {
        output[i] = (int8_t)ep_clamp((input[i] * op->slope + op->height) >> EP_LINE_SHIFT, op->least, op->most);
    }
}

#endif
