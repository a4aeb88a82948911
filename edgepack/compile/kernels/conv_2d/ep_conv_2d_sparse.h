/* CONV_2D, int8, for the DSP extension, with only the weights that are not zero: an output row at a time. What its windows cover is put
 * together as ep_gemm_sparse.h reads it: a word for each two pixels that lie half a row apart, those of a channel side by side. Where
 * windows move by several columns, those between lie in lines of their own. */
#ifndef EP_CONV_2D_SPARSE_H
#define EP_CONV_2D_SPARSE_H

#include "ep_conv_windows.h"
#include "ep_gemm_sparse.h"

struct ep_conv_2d_sparse {
    struct ep_conv_windows windows;
    EP_SIZE missing; /* pixels at the end of the last row, of input and output */
    EP_SIZE apart;   /* columns of the output between two pixels of a word */
    EP_SIZE phases;  /* lines of a channel */
    EP_SIZE columns; /* words of a line that are read, */
    EP_SIZE line;    /* and that it has */
    EP_SIZE out_step;
    EP_SIZE half; /* 2 * zero point + 1 */
    int32_t words;
    const int32_t *stream; /* see ep_gemm_sparse.h */
};

/* A word of each channel, of two pixels. */
EP_NOINLINE void ep_sparse_column(int32_t *x, int32_t line, const int8_t *first, const int8_t *second, int32_t channels)
{
    EP_NO_UNROLL
    for (; channels >= 4; channels -= 4) {
        const int32_t a = first[0], b = first[1], c = first[2], d = first[3];
        x[0] = a + second[0] * (1 << EP_SPARSE_SHIFT);
        x += line;
        x[0] = b + second[1] * (1 << EP_SPARSE_SHIFT);
        x += line;
        x[0] = c + second[2] * (1 << EP_SPARSE_SHIFT);
        x += line;
        x[0] = d + second[3] * (1 << EP_SPARSE_SHIFT);
        x += line;
        first += 4;
        second += 4;
    }
    EP_NO_UNROLL
    for (; channels > 0; channels--, x += line) {
        x[0] = *first++ + *second++ * (1 << EP_SPARSE_SHIFT);
    }
}

/* What the windows of an output row cover, from input row `y` on; `outside` is a pixel of zero points. */
EP_NOINLINE void ep_sparse_lines(const struct ep_conv_2d_sparse *op, const int8_t *input, int32_t y, int32_t *x, const int8_t *outside)
{
    const struct ep_conv_windows *const windows = &op->windows;
    const int32_t far = op->apart * windows->stride_w, channels = windows->in_c;
    int32_t rows, phase, column;
    for (rows = windows->kernel_h; rows > 0; rows--, y += windows->dilation_h) {
        const int8_t *const row = input + y * windows->in_w * channels;
        uint32_t width = 0;
        if (y >= 0 && y < windows->in_h) {
            width = (uint32_t)(windows->in_w - (y == windows->in_h - 1 ? op->missing : 0));
        }
        for (phase = 0; phase < op->phases; phase++, x += channels * op->line) {
            int32_t place = phase - windows->pad_left;
            for (column = 0; column < op->columns; column++, place += windows->stride_w) {
                const int8_t *const first = (uint32_t)place < width ? row + place * channels : outside;
                const int8_t *const second = (uint32_t)(place + far) < width ? row + (place + far) * channels : outside;
                ep_sparse_column(x + column, op->line, first, second, channels);
            }
        }
    }
}

EP_KERNEL void ep_conv_2d_sparse(const struct ep_conv_2d_sparse *op, const int8_t *input, int8_t *output, void *scratch)
{
    const struct ep_conv_windows *const windows = &op->windows;
    int32_t *const x = (int32_t *)scratch;
    int8_t *const outside = (int8_t *)(x + windows->kernel_h * op->phases * windows->in_c * op->line);
    int32_t batch, row, at, lane;
    memset(outside, windows->in_zero, (size_t)windows->in_c);
    for (batch = 0; batch < windows->batches; batch++, input += windows->in_h * windows->in_w * windows->in_c) {
        for (row = 0; row < windows->out_h; row++, output += windows->out_w * op->out_step) {
            const int32_t width = windows->out_w - (row == windows->out_h - 1 ? op->missing : 0);
            ep_sparse_lines(op, input, row * windows->stride_h - windows->pad_top, x, outside);
            for (at = 0; at < ep_min(op->apart, width); at += 4) {
                int8_t *to[8];
                for (lane = 0; lane < 8; lane++) { /* what does not exist goes where the first is stored later */
                    const int32_t near = at + (lane >> 1), pixel = near + (lane & 1) * op->apart;
                    to[lane] = output + (near < op->apart && pixel < width ? pixel : at) * op->out_step;
                }
                ep_gemm_sparse(x + at, op->stream, op->stream + op->words, to, op->half);
            }
        }
    }
}

#endif
