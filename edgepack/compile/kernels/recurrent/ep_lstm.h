/* UNIDIRECTIONAL_SEQUENCE_LSTM, int8 with an int16 cell state, batch 1: for each step in time, every cell's gates are computed
 * from the step's input and the hidden state, the cell updated, and the hidden state replaced when all cells are done. */
#ifndef EP_LSTM_H
#define EP_LSTM_H

#include "ep_exp_int16.h"

#define EP_LSTM_FORGET 0
#define EP_LSTM_CELL 1
#define EP_LSTM_OUTPUT 2
#define EP_LSTM_INPUT 3 /* absent when input and forget gate are coupled */

struct ep_lstm {
    int32_t steps, in_size, cells;
    int32_t coupled;                                        /* 1: the input gate is 1 - the forget gate */
    int32_t in_multiplier[4], in_shift[4];                  /* of each gate's input product, to Q3.12 */
    int32_t recurrent_multiplier[4], recurrent_shift[4];    /* of its product with the hidden state */
    int32_t cell_bits;                                      /* integer bits of the cell state */
    int32_t cell_clip;                                      /* 0: none */
    int32_t hidden_multiplier, hidden_shift, hidden_zero;
    const int8_t *in_weights;        /* [gate][cells][in_size] */
    const int32_t *in_bias;          /* [gate][cells], input zero point folded in */
    const int8_t *recurrent_weights; /* [gate][cells][cells] */
    const int32_t *recurrent_bias;   /* [gate][cells], zero point of the hidden state folded in */
};

EP_INLINE int32_t ep_lstm_dot(const int8_t *x, const int8_t *w, int32_t size, int32_t acc)
{
    int32_t i;
    for (i = 0; i < size; i++) {
        acc += x[i] * w[i];
    }
    return acc;
}

/* A gate of one cell before its activation, Q3.12: two products, saturated one after the other. */
EP_INLINE int32_t ep_lstm_gate(const struct ep_lstm *op, int32_t gate, int32_t cell, const int8_t *input, const int8_t *hidden)
{
    const int32_t row = gate * op->cells + cell;
    const int32_t in = ep_lstm_dot(input, op->in_weights + row * op->in_size, op->in_size, op->in_bias[row]);
    const int32_t back = ep_lstm_dot(hidden, op->recurrent_weights + row * op->cells, op->cells, op->recurrent_bias[row]);
    const int32_t first = ep_clamp(ep_requantize(in, op->in_multiplier[gate], op->in_shift[gate]), -32768, 32767);
    const int32_t second = ep_requantize(back, op->recurrent_multiplier[gate], op->recurrent_shift[gate]);
    return ep_clamp(first + second, -32768, 32767);
}

EP_KERNEL void ep_lstm(const struct ep_lstm *op, const int8_t *input, int8_t *hidden, int16_t *state, int8_t *output,
                       void *scratch)
{
    int8_t *const next = (int8_t *)scratch; /* the hidden state after this step */
    const size_t bytes = (size_t)op->cells;
    int32_t step, c;
    for (step = 0; step < op->steps; step++, input += op->in_size, output += op->cells) {
        for (c = 0; c < op->cells; c++) {
            const int32_t forget = ep_logistic_16(ep_lstm_gate(op, EP_LSTM_FORGET, c, input, hidden));
            const int32_t update = ep_tanh_16(ep_lstm_gate(op, EP_LSTM_CELL, c, input, hidden), 3);
            const int32_t out = ep_logistic_16(ep_lstm_gate(op, EP_LSTM_OUTPUT, c, input, hidden));
            const int32_t in =
                op->coupled ? 32767 - forget : ep_logistic_16(ep_lstm_gate(op, EP_LSTM_INPUT, c, input, hidden));
            const int32_t kept = (int16_t)ep_divide_by_power(forget * state[c], 15);
            const int32_t added = (int16_t)ep_divide_by_power(in * update, 15 + op->cell_bits);
            int32_t cell = ep_clamp(kept + added, -32768, 32767), y;
            if (op->cell_clip > 0) {
                cell = ep_clamp(cell, -op->cell_clip, op->cell_clip);
            }
            state[c] = (int16_t)cell;
            y = ep_requantize(out * ep_tanh_16(cell, op->cell_bits), op->hidden_multiplier, op->hidden_shift);
            next[c] = (int8_t)ep_clamp(y + op->hidden_zero, -128, 127);
        }
        memcpy(hidden, next, bytes);
        memcpy(output, next, bytes);
    }
}

#endif
