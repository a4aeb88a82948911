/* DEPTHWISE_CONV_2D, int8, for the DSP extension: see ep_depthwise_dsp.h. */
#ifndef EP_DEPTHWISE_CONV_2D_DSP_H
#define EP_DEPTHWISE_CONV_2D_DSP_H

#include "ep_depthwise_dsp.h"

EP_KERNEL void ep_depthwise_conv_2d_dsp(const struct ep_depthwise_conv_2d_dsp *op, const int8_t *input, int8_t *output,
                                        void *scratch)
{
    if (op->any != 0) {
        ep_depthwise_conv_2d_dsp_run(op, input, output, scratch, 1, 0);
    } else {
        ep_depthwise_conv_2d_dsp_run(op, input, output, scratch, 0, 0);
    }
}

#endif
