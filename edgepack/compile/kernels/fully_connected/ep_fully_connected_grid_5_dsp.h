/* FULLY_CONNECTED, int8, from codes of 5 bits on a grid, for the DSP extension. */
#ifndef EP_FULLY_CONNECTED_GRID_5_DSP_H
#define EP_FULLY_CONNECTED_GRID_5_DSP_H

#include "ep_codes_grid_dsp.h"

#if EP_ASSEMBLY

/* 30 instructions for 24 multiply-accumulates. */
EP_NAKED void ep_grid_5_sums(EP_ARGUMENT const uint32_t *x, EP_ARGUMENT const int32_t *codes, EP_ARGUMENT const uint32_t *end,
                             EP_ARGUMENT int32_t *sums, EP_ARGUMENT const uint32_t *table)
{
    __asm__ volatile(EP_GRID_BEGIN("0x001F001F")
                     EP_GRID_FIRST("5")
                     EP_GRID_ONE("10")
                     EP_CODES_END);
}

#else

static void ep_grid_5_sums(const uint32_t *x, const int32_t *codes, const uint32_t *end, int32_t *sums, const uint32_t *table)
{
    (void)table;
    ep_grid_sums(x, codes, end, sums, 5);
}

#endif

EP_KERNEL void ep_fully_connected_grid_5_dsp(const struct ep_fully_connected_codes *op, const int8_t *input, int8_t *output, void *scratch)
{
    ep_codes_grid_dsp(op, input, output, scratch, ep_grid_5_sums);
}

#endif
