/* BATCH_MATMUL, int8: products of matrices, either read transposed by its steps. */
#ifndef EP_BATCH_MATMUL_H
#define EP_BATCH_MATMUL_H

#include "ep_broadcast.h"
#include "ep_fixed_point.h"

struct ep_batch_matmul {
    int32_t batches;
    int32_t rows, columns, depth;      /* rows x depth times depth x columns */
    int32_t row_step, depth_step_1;    /* elements, in the first matrix */
    int32_t column_step, depth_step_2; /* elements, in the second matrix */
    int32_t zero_1, zero_2;
    int32_t out_zero, multiplier, shift;
    struct ep_broadcast matrices; /* strides count matrices */
};

EP_KERNEL void ep_batch_matmul(const struct ep_batch_matmul *op, const int8_t *first, const int8_t *second, int8_t *output)
{
    int32_t batch, row, column, k, index_1, index_2;
    for (batch = 0; batch < op->batches; batch++) {
        const int8_t *a, *b;
        ep_broadcast_offsets(&op->matrices, batch, &index_1, &index_2);
        a = first + index_1 * op->rows * op->depth;
        b = second + index_2 * op->depth * op->columns;
        for (row = 0; row < op->rows; row++) {
            for (column = 0; column < op->columns; column++) {
                const int8_t *const x = a + row * op->row_step;
                const int8_t *const y = b + column * op->column_step;
                int32_t acc = 0;
                for (k = 0; k < op->depth; k++) {
                    acc += (x[k * op->depth_step_1] - op->zero_1) * (y[k * op->depth_step_2] - op->zero_2);
                }
                acc = op->out_zero + ep_requantize(acc, op->multiplier, op->shift);
                *output++ = (int8_t)ep_clamp(acc, -128, 127);
            }
        }
    }
}

#endif
