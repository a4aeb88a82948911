/* DEPTHWISE_CONV_2D, int8, depth multiplier 1, for the DSP extension: four channels at a time.
 *
 * For each output pixel, where each tap's channels begin is found once (a row of zero points for taps outside the input).
 * Weights are those of 4 channels, tap by tap, then of the next 4; fewer in the last block.
 * `scratch` holds the tap pointers, then a zero point for each channel. */
#ifndef EP_DEPTHWISE_DSP_H
#define EP_DEPTHWISE_DSP_H

#include "ep_requantize_any.h"

struct ep_depthwise_conv_2d_dsp {
    EP_SIZE in_h, in_w, channels;
    EP_SIZE out_h, out_w;
    EP_SIZE kernel_h, kernel_w;
    EP_SIZE stride_h, stride_w;
    EP_SIZE dilation_h, dilation_w;
    EP_SIZE pad_top, pad_left;
    EP_SIZE in_zero, out_zero, out_min, out_max;
    EP_SIZE weight_zero;       /* of the stored bytes, for ep_depthwise_conv_2d_dsp_wide.h; else 0 */
    const int8_t *weights;     /* [blocks][kernel_h * kernel_w][4, or the channels left] */
    const int32_t *bias;       /* [channels], input zero point folded in */
    const int32_t *multiplier; /* [channels] */
    const int8_t *right;       /* [channels], right shift, or negative: left shift */
    int32_t any;               /* bit (block mod 32): some right shift of four channels is not 1 to 22 */
};

/* Fill in where the channels of every tap begin; (y, x) is the input position of the kernel's corner. */
EP_INLINE void ep_depthwise_conv_2d_dsp_taps(const struct ep_depthwise_conv_2d_dsp *op, const int8_t *input, int32_t y, int32_t x,
                                             const int8_t *outside, const int8_t **taps)
{
    int32_t ky, kx;
    for (ky = 0; ky < op->kernel_h; ky++) {
        const int32_t in_y = y + ky * op->dilation_h;
        for (kx = 0; kx < op->kernel_w; kx++) {
            const int32_t in_x = x + kx * op->dilation_w;
            const int inside = in_y >= 0 && in_y < op->in_h && in_x >= 0 && in_x < op->in_w;
            *taps++ = inside ? input + (in_y * op->in_w + in_x) * op->channels : outside;
        }
    }
}

/* `lanes` (1 to 4) channels from channel c on; inlined with lanes = 4 for all but the last block. */
EP_INLINE void ep_depthwise_conv_2d_dsp_block(const struct ep_depthwise_conv_2d_dsp *op, const int8_t *const *tap, int32_t c,
                                              int32_t lanes, const int8_t *w, int8_t *output, int any, int wide)
{
    const int32_t taps = op->kernel_h * op->kernel_w;
    const uint32_t less = ((uint32_t)-op->weight_zero & 0xFFFFu) * 0x10001u; /* in both halves */
    int32_t acc[4] = {0, 0, 0, 0};
    int32_t t, lane;
    for (t = 0; t < taps; t++, w += lanes) {
        uint32_t x = 0, word = 0, even, odd;
        memcpy(&x, tap[t] + c, (size_t)lanes);
        memcpy(&word, w, (size_t)lanes);
        even = ep_sxtb16(word);
        odd = ep_sxtb16_odd(word);
        if (wide) {
            even = ep_add_halves(even, less);
            odd = ep_add_halves(odd, less);
        }
        acc[0] = ep_smlabb(ep_sxtb16(x), even, acc[0]);
        acc[1] = ep_smlabb(ep_sxtb16_odd(x), odd, acc[1]);
        acc[2] = ep_smlatt(ep_sxtb16(x), even, acc[2]);
        acc[3] = ep_smlatt(ep_sxtb16_odd(x), odd, acc[3]);
    }
    for (lane = 0; lane < lanes; lane++) {
        const int32_t q =
            ep_requantize_any(acc[lane] + op->bias[c + lane], op->multiplier[c + lane], op->right[c + lane], op->out_zero, any);
        output[c + lane] = (int8_t)ep_clamp(q, op->out_min, op->out_max);
    }
}

EP_INLINE void ep_depthwise_conv_2d_dsp_run(const struct ep_depthwise_conv_2d_dsp *op, const int8_t *input, int8_t *output,
                                            void *scratch, int any, int wide)
{
    const int32_t taps = op->kernel_h * op->kernel_w;
    const int8_t **const tap = (const int8_t **)scratch;
    int8_t *const outside = (int8_t *)(tap + taps);
    int32_t oy, ox, c;
    memset(outside, op->in_zero, (size_t)op->channels);
    for (oy = 0; oy < op->out_h; oy++) {
        for (ox = 0; ox < op->out_w; ox++, output += op->channels) {
            const int32_t y = oy * op->stride_h - op->pad_top;
            const int32_t x = ox * op->stride_w - op->pad_left;
            ep_depthwise_conv_2d_dsp_taps(op, input, y, x, outside, tap);
            for (c = 0; c + 4 <= op->channels; c += 4) {
                if (any && ((uint32_t)op->any >> (c / 4 & 31) & 1u) != 0) {
                    ep_depthwise_conv_2d_dsp_block(op, tap, c, 4, op->weights + c * taps, output, 1, wide);
                } else {
                    ep_depthwise_conv_2d_dsp_block(op, tap, c, 4, op->weights + c * taps, output, 0, wide);
                }
            }
            if (c < op->channels) {
                ep_depthwise_conv_2d_dsp_block(op, tap, c, op->channels - c, op->weights + c * taps, output, any, wide);
            }
        }
    }
}

#endif
