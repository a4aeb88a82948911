/* FULLY_CONNECTED, int8, for cores without SIMD: four outputs at a time, four inputs at a time. */
#ifndef EP_FULLY_CONNECTED_LANES_H
#define EP_FULLY_CONNECTED_LANES_H

#include "ep_fixed_point.h"
#include "ep_lanes_assembly.h"
#include "ep_one_sided.h"

struct ep_fully_connected_lanes {
    EP_SIZE batches, in_size, out_size;
    EP_SIZE out_zero, out_min, out_max;
    const int32_t *weights;    /* [group of 4 outputs][4 inputs][output] words of 4 int8; outputs and inputs padded with zeros */
    const int32_t *bias;       /* [out_size], input zero point folded in, or that of ep_one_sided.h */
    const int32_t *multiplier; /* [out_size] */
    const int8_t *shift;       /* [out_size]; EP_ONE_SIDED: one-sided requantisation */
};

#if EP_LANES_ASSEMBLY

/* One output's four weights times the four inputs in r4 to r7: 15 instructions. */
#define EP_FULLY_CONNECTED_LANES_FOUR(sum) \
    "ldm r1!,{r2}\n" \
    "sxtb r3,r2\n" \
    "muls r3,r4,r3\n" \
    "add " sum ",r3\n" \
    "asrs r2,r2,#8\n" \
    "sxtb r3,r2\n" \
    "muls r3,r5,r3\n" \
    "add " sum ",r3\n" \
    "asrs r2,r2,#8\n" \
    "sxtb r3,r2\n" \
    "muls r3,r6,r3\n" \
    "add " sum ",r3\n" \
    "asrs r2,r2,#8\n" \
    "muls r2,r7,r2\n" \
    "add " sum ",r2\n"

/* Registers: r0 x, r1 weights, r2 r3 a word of weights and a product, r4 to r7 inputs, r8 to r11 sums, r12 results, lr end of x.
 * 71 instructions (80 cycles on M0+) for 16 multiply-accumulates. */
EP_LANES_NAKED void ep_fully_connected_lanes_sums(EP_LANES_ARGUMENT const int8_t *x, EP_LANES_ARGUMENT int32_t fours,
                                                  EP_LANES_ARGUMENT const int32_t *weights, EP_LANES_ARGUMENT int32_t *sums)
{
    __asm__ volatile(
        ".syntax unified\n"
        "push {r4-r7,lr}\n"
        "mov r4,r8\n"
        "mov r5,r9\n"
        "mov r6,r10\n"
        "mov r7,r11\n"
        "push {r4-r7}\n"
        "mov r12,r3\n"
        "lsls r1,r1,#2\n"
        "adds r1,r0,r1\n"
        "mov lr,r1\n"
        "mov r1,r2\n"
        "movs r4,#0\n"
        "mov r8,r4\n"
        "mov r9,r4\n"
        "mov r10,r4\n"
        "mov r11,r4\n"
        "b 2f\n"
        "1:\n"
        "movs r3,#0\n"
        "ldrsb r4,[r0,r3]\n"
        "movs r3,#1\n"
        "ldrsb r5,[r0,r3]\n"
        "movs r3,#2\n"
        "ldrsb r6,[r0,r3]\n"
        "movs r3,#3\n"
        "ldrsb r7,[r0,r3]\n"
        "adds r0,#4\n"
        EP_FULLY_CONNECTED_LANES_FOUR("r8")
        EP_FULLY_CONNECTED_LANES_FOUR("r9")
        EP_FULLY_CONNECTED_LANES_FOUR("r10")
        EP_FULLY_CONNECTED_LANES_FOUR("r11")
        "2:\n"
        "cmp r0,lr\n"
        "bne 1b\n"
        "mov r3,r12\n"
        "mov r4,r8\n"
        "mov r5,r9\n"
        "mov r6,r10\n"
        "mov r7,r11\n"
        "stm r3!,{r4-r7}\n"
        "pop {r4-r7}\n"
        "mov r8,r4\n"
        "mov r9,r5\n"
        "mov r10,r6\n"
        "mov r11,r7\n"
        "pop {r4-r7,pc}\n");
}

#else

static void ep_fully_connected_lanes_sums(const int8_t *x, int32_t fours, const int32_t *weights, int32_t *sums)
{
    int32_t o, i;
    for (o = 0; o < 4; o++) {
        sums[o] = 0;
        for (i = 0; i < 4 * fours; i++) {
            sums[o] += x[i] * (int8_t)((uint32_t)weights[(i & ~3) + o] >> 8 * (i & 3) & 0xFFu);
        }
    }
}

#endif

EP_KERNEL void ep_fully_connected_lanes(const struct ep_fully_connected_lanes *op, const int8_t *input, int8_t *output)
{
    const int32_t whole = op->in_size & ~3;
    int8_t rest[4] = {0, 0, 0, 0};
    int32_t batch, o, c;
    for (batch = 0; batch < op->batches; batch++, input += op->in_size) {
        const int32_t *weights = op->weights;
        memcpy(rest, input + whole, (size_t)(op->in_size - whole));
        for (o = 0; o < op->out_size; o += 4, weights += whole) {
            int32_t sums[4], last[4] = {0, 0, 0, 0};
            ep_fully_connected_lanes_sums(input, whole >> 2, weights, sums);
            if (whole < op->in_size) {
                ep_fully_connected_lanes_sums(rest, 1, weights + whole, last);
                weights += 4;
            }
            for (c = o; c < ep_min(o + 4, op->out_size); c++) {
                const int32_t sum = sums[c - o] + last[c - o];
                const int32_t shift = op->shift[c];
                if (shift == EP_ONE_SIDED) {
                    const struct ep_one_sided to = ep_one_sided_begin(op->bias[c], op->multiplier[c]);
                    *output++ = ep_one_sided(&to, sum);
                } else if (shift > EP_STEEP) {
                    *output++ = ep_steep(sum, op->bias[c], op->multiplier[c], shift);
                } else {
                    const int32_t y = op->out_zero + ep_requantize(sum + op->bias[c], op->multiplier[c], shift);
                    *output++ = (int8_t)ep_clamp(y, op->out_min, op->out_max);
                }
            }
        }
    }
}

#endif
