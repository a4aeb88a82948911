/* Copy bytes: a reshape whose result must lie somewhere else. */
#ifndef EP_COPY_H
#define EP_COPY_H

#include "ep_common.h"

struct ep_copy {
    int32_t bytes;
};

EP_KERNEL void ep_copy(const struct ep_copy *op, const void *input, void *output)
{
    memmove(output, input, (size_t)op->bytes);
}

#endif
