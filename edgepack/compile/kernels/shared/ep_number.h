/* Elements of any type as 64-bit integers: kernels that run on few elements serve every type with one text. */
#ifndef EP_NUMBER_H
#define EP_NUMBER_H

#include "ep_common.h"

#define EP_INT8 0 /* and bool */
#define EP_INT16 1
#define EP_INT32 2
#define EP_INT64 3
#define EP_FLOAT32 4

EP_INLINE int64_t ep_load(const void *data, int32_t i, int32_t type)
{
    int64_t wide;
    switch (type) {
    case EP_INT8:
        return ((const int8_t *)data)[i];
    case EP_INT16:
        return ((const int16_t *)data)[i];
    case EP_INT32:
        return ((const int32_t *)data)[i];
    default: /* memcpy: the arena aligns to 4 bytes */
        memcpy(&wide, (const uint8_t *)data + (size_t)i * 8u, 8u);
        return wide;
    }
}

/* Store the low bits. */
EP_INLINE void ep_store(void *data, int32_t i, int32_t type, int64_t x)
{
    switch (type) {
    case EP_INT8:
        ((int8_t *)data)[i] = (int8_t)x;
        break;
    case EP_INT16:
        ((int16_t *)data)[i] = (int16_t)x;
        break;
    case EP_INT32:
        ((int32_t *)data)[i] = (int32_t)x;
        break;
    default:
        memcpy((uint8_t *)data + (size_t)i * 8u, &x, 8u);
        break;
    }
}

/* An index within an axis; one out of range becomes the nearest. */
EP_INLINE int32_t ep_load_index(const void *data, int32_t i, int32_t type, int32_t extent)
{
    const int64_t index = ep_load(data, i, type);
    return index < 0 ? 0 : index < extent ? (int32_t)index : extent - 1;
}

#endif
