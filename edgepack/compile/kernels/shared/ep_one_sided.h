/* Requantisation in one multiplication and one saturation, for cores without a long multiplication:
 *     y = saturate(floor((256 * sum + bias) * multiplier / 2^(32 + EP_ONE_SIDED_SHIFT))).
 *
 * Only for outputs whose zero point is -128 and that use the whole of int8, so that rounding of negative numbers does not
 * matter; zero point and rounding are in the bias. The compiler has checked that this gives TFLite's result for every sum, that
 * multipliers are below 2^30 and the sum in brackets is within +-2^30.
 *
 * For multipliers too large for that, the same with fewer bits, within the few sums that are not saturated:
 *     y = min(floor(clamp(16 * sum + bias, 0, limit) * factor / 2^right), 255) - 128. */
#ifndef EP_ONE_SIDED_H
#define EP_ONE_SIDED_H

#include "ep_common.h"

#define EP_ONE_SIDED_SHIFT 9

/* In place of a channel's shift: its bias and multiplier are for this requantisation. */
#define EP_ONE_SIDED 64

/* The same for the form with a limit, which `right` is added to: the multiplier is limit * 65536 + factor. */
#define EP_STEEP 64

struct ep_one_sided {
    int32_t bias, low, high; /* low and high half of the multiplier */
};

EP_INLINE struct ep_one_sided ep_one_sided_begin(int32_t bias, int32_t multiplier)
{
    struct ep_one_sided to;
    to.bias = bias;
    to.low = multiplier & 0xFFFF;
    to.high = multiplier >> 16;
    return to;
}

EP_INLINE int8_t ep_one_sided(const struct ep_one_sided *to, int32_t sum)
{
    const int32_t t = sum * 256 + to->bias, high = t >> 16, low = t & 0xFFFF;
    const int32_t middle = high * to->low + low * to->high + (int32_t)(((uint32_t)low * (uint32_t)to->low) >> 16);
    return (int8_t)ep_clamp((high * to->high + (middle >> 16)) >> EP_ONE_SIDED_SHIFT, -128, 127);
}

EP_SMALL int8_t ep_steep(int32_t sum, int32_t bias, int32_t multiplier, int32_t shift)
{
    const uint32_t x = (uint32_t)ep_clamp(sum * 16 + bias, 0, (int32_t)((uint32_t)multiplier >> 16));
    return (int8_t)(ep_min((int32_t)(x * ((uint32_t)multiplier & 0xFFFFu) >> (shift - EP_STEEP)), 255) - 128);
}

#endif
