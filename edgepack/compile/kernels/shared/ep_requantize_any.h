/* The short requantisation of ep_dsp.h, and the same for the few channels whose shift is another. */
#ifndef EP_REQUANTIZE_ANY_H
#define EP_REQUANTIZE_ANY_H

#include "ep_dsp.h"

/* ep_requantize(acc, multiplier, -right) + zero point, where acc is below 2^30, without sign, once it is shifted to the left. Right
 * shifts are 1 to 22, or with `any` 0 to 31, and negative ones to the left. Kernels are inlined twice, for `any` of 0 and of 1: what
 * few layers need costs the others nothing. */
EP_INLINE int32_t ep_requantize_any(int32_t acc, int32_t multiplier, int32_t right, int32_t out_zero, int any)
{
    int32_t by, high;
    if (!any) {
        return ep_requantize_short(acc, multiplier, right, 2 * out_zero + 1);
    }
    by = ep_max(right, 0);
    high = ep_smmulr(ep_shift_left(acc, by - right + 1), multiplier);
    high += (high >> 31) & (-by >> 31); /* only what is shifted is rounded again */
    return ((high + (int32_t)((1u << by) >> 1)) >> by) + out_zero;
}

#endif
