/* CONV_2D, int8, for cores without SIMD: two output pixels are packed before, and stored after, ep_conv_2d_lanes.h and
 * ep_conv_2d_blocks_lanes.h multiply them. */
#ifndef EP_CONV_2D_LANES_PIXELS_H
#define EP_CONV_2D_LANES_PIXELS_H

#include "ep_conv_window_gather.h"
#include "ep_fixed_point.h"
#include "ep_one_sided.h"
#include "ep_pack_lanes.h"

struct ep_conv_2d_lanes {
    struct ep_conv_windows windows;
    EP_SIZE depth;             /* values of a filter, rounded up to 4 */
    EP_SIZE out_step;          /* from an output pixel to the next: out_c, or more where this computes some of the channels */
    EP_SIZE out_zero, out_min, out_max;
    const int8_t *weights;     /* [out_c][depth], of each two at least one above -128 */
    const int32_t *bias;       /* [out_c], input zero point folded in, or that of ep_one_sided.h */
    const int32_t *multiplier; /* [out_c] */
    const int8_t *shift;       /* [out_c]; EP_ONE_SIDED: one-sided requantisation */
};

/* Gather two windows and pack them. */
EP_INLINE void ep_conv_2d_lanes_pack(const struct ep_conv_2d_lanes *op, const int8_t *input, const struct ep_conv_window *a,
                                     const struct ep_conv_window *b, int32_t *x, int8_t *column_a, int8_t *column_b)
{
    const struct ep_conv_windows *const windows = &op->windows;
    const int32_t row = windows->kernel_w * windows->in_c, line = windows->dilation_h * windows->in_w * windows->in_c;
    int32_t ky;
    if (windows->dilation_w == 1 && ep_conv_window_inside(windows, a) && ep_conv_window_inside(windows, b)) {
        const int8_t *from_a = input + a->corner, *from_b = input + b->corner;
        for (ky = 0; ky < windows->kernel_h; ky++, from_a += line, from_b += line) {
            x = ep_pack_lanes(x, from_a, from_b, row);
        }
    } else {
        ep_conv_window_gather(windows, input, a, column_a);
        ep_conv_window_gather(windows, input, b, column_b);
        ep_pack_lanes(x, column_a, column_b, windows->kernel_h * row);
    }
}

/* Turn the sums of two pixels into outputs. */
EP_INLINE void ep_conv_2d_lanes_store(const struct ep_conv_2d_lanes *op, const int32_t *sums, int8_t *first, int8_t *second)
{
    const int32_t channels = op->windows.out_c;
    int32_t c;
    for (c = 0; c < channels; c++, sums += 2) {
        const int32_t bias = op->bias[c], multiplier = op->multiplier[c], shift = op->shift[c];
        if (shift == EP_ONE_SIDED) {
            const struct ep_one_sided to = ep_one_sided_begin(bias, multiplier);
            first[c] = ep_one_sided(&to, sums[0]);
            second[c] = ep_one_sided(&to, sums[1]);
        } else {
            int32_t a = sums[0] + bias, b = sums[1] + bias, right = -shift;
            if (shift > 0) {
                if (shift > EP_STEEP) {
                    first[c] = ep_steep(sums[0], bias, multiplier, shift);
                    second[c] = ep_steep(sums[1], bias, multiplier, shift);
                    continue;
                }
                a = ep_shift_left(a, shift);
                b = ep_shift_left(b, shift);
                right = 0;
            }
            a = ep_divide_by_power(ep_high_mul(a, multiplier), right);
            b = ep_divide_by_power(ep_high_mul(b, multiplier), right);
            first[c] = (int8_t)ep_clamp(a + op->out_zero, op->out_min, op->out_max);
            second[c] = (int8_t)ep_clamp(b + op->out_zero, op->out_min, op->out_max);
        }
    }
}

#endif
