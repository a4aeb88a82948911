/* DEPTHWISE_CONV_2D, int8, whose weights have a zero point, as those of a uint8 model: else as ep_depthwise_conv_2d_dsp.h. */
#ifndef EP_DEPTHWISE_CONV_2D_DSP_WIDE_H
#define EP_DEPTHWISE_CONV_2D_DSP_WIDE_H

#include "ep_depthwise_dsp.h"

EP_KERNEL void ep_depthwise_conv_2d_dsp_wide(const struct ep_depthwise_conv_2d_dsp *op, const int8_t *input, int8_t *output,
                                             void *scratch)
{
    ep_depthwise_conv_2d_dsp_run(op, input, output, scratch, 1, 1);
}

#endif
