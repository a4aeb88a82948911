/* Rounding of float to integers, as QUANTIZE does it, without undefined conversions. */
#ifndef EP_ROUND_H
#define EP_ROUND_H

#include "ep_common.h"

/* To nearest, halves away from zero, saturated to +-limit (at most 2^23); what is no number becomes 0, as Arm's conversion has it. */
EP_INLINE int32_t ep_round(float x, int32_t limit)
{
    int32_t whole;
    float rest;
    if (x >= (float)limit) {
        return limit;
    }
    if (!(x > -(float)limit)) {
        return x <= -(float)limit ? -limit : 0;
    }
    whole = (int32_t)x;
    rest = x - (float)whole;
    return whole + (rest >= 0.5f ? 1 : rest <= -0.5f ? -1 : 0);
}

#endif
