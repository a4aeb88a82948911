/* What the 3x3 depthwise kernels in assembly share: walking an image line by line, four channels at a time.
 *
 * Lines are rows, or columns where those are longer. A buffer holds, for each position along a line and each of four channels,
 * two words: the values of two neighbouring lines as int16 in the halves of a word, scaled by 256, one pair of lines in each of two
 * slots. The newer pair becomes the older one of the next output lines, so that each input value is read once, and an output
 * may be written over its input.
 *
 * The requantisations are those of ep_gemm.h: one-sided in the kernels of plain names, exact in those that end in _exact. In those that
 * end in _mixed channels are one-sided with a shift of 10, or of 2 for large multipliers, each channel as its own shift says. */
#ifndef EP_DEPTHWISE_LINES_H
#define EP_DEPTHWISE_LINES_H

#include "ep_assembly.h"

#define EP_DEPTHWISE_SHIFT 10

enum { EP_DEPTHWISE_ONE_SIDED, EP_DEPTHWISE_EXACT, EP_DEPTHWISE_MIXED };

struct ep_depthwise_lines {
    EP_SIZE channels;
    EP_SIZE in_lines, in_length, in_line, in_step; /* lines, positions read of each, bytes from line to line, from position to position */
    EP_SIZE out_lines, out_length, out_line, out_step; /* the same of the output */
    EP_SIZE pad_line, pad_step;                        /* lines and positions before the first */
    EP_SIZE positions;                                 /* positions of the buffer */
    EP_SIZE in_zero;
    EP_SIZE factor;           /* weights are multiplied by it, for finer biases and larger multipliers; 0: by `factors` */
    const int8_t *factors;    /* NULL or [channels] */
    const int8_t *weights;    /* [channels][3 lines][3 positions] */
    const int32_t *constants; /* [channels][2]: bias, multiplier */
    const int8_t *shifts;     /* [channels] where they differ, and biases do not have them in their low bytes; else NULL */
    const int32_t *offsets;   /* [channels] for exact requantisation, where they do not follow from the shifts, else NULL */
    EP_SIZE half;             /* 2 * output zero point + 1 for exact requantisation, else 0 */
};

/* What an output line of a channel is computed with. A pair of lines is multiplied by a pair of weights: (w0, w1) of a position for
 * output lines whose first two input lines are one pair, (w1, w2) for those whose last two are. The other line's three weights
 * are single. The upper half of the last word is the step from one output to the next. */
struct ep_depthwise_line {
    int32_t bias, multiplier;
    uint32_t pair[3], single, last;
    int32_t offset, shift; /* for exact requantisation; the shift for mixed one-sided ones too */
};

EP_STATIC_ASSERT(sizeof(struct ep_depthwise_line) == 36, assembly_knows_the_size_of_a_line);

/* Bytes of scratch before the buffer: two kinds of lines for four channels, a word of zero points. */
#define EP_DEPTHWISE_LINES_HEAD (8 * (int32_t)sizeof(struct ep_depthwise_line) + 4)

#if EP_ASSEMBLY

/* From a finished sum to its output at r1, one-sided. 4 instructions. */
#define EP_DEPTHWISE_STORE_SHIFTED(finished, shift) \
    "smmul " finished "," finished ",r5\n" \
    "ssat " finished ",#8," finished ",asr #" shift "\n" \
    "strb " finished ",[r1]\n" \
    "uxtah r1,r1,r10,ror #16\n"

#define EP_DEPTHWISE_STORE(finished, line) EP_DEPTHWISE_STORE_SHIFTED(finished, "10")
#define EP_DEPTHWISE_STORE_STEEP(finished, line) EP_DEPTHWISE_STORE_SHIFTED(finished, "2")

/* Exactly. 10 instructions; offset and shift are `line` bytes behind the lines' constants, which the stack points to. */
#define EP_DEPTHWISE_STORE_EXACT(finished, line) \
    "ldr r3,[sp,#4]\n" \
    "ldrd r2,r3,[r3,#" line "]\n" \
    "cmp " finished ",#0\n" \
    "it mi\n" \
    "submi r2,r2,#128\n" \
    "smmla " finished "," finished ",r5,r2\n" \
    "asr " finished "," finished ",r3\n" \
    "ssat " finished ",#8," finished "\n" \
    "strb " finished ",[r1]\n" \
    "uxtah r1,r1,r10,ror #16\n"

/* r0 buffer, r1 r2 lines, r3 positions, r4 r5 the lines' steps, r6 mask. 16 instructions for 8 values. */
EP_NAKED void ep_depthwise_lines_pair(EP_ARGUMENT uint32_t *slot, EP_ARGUMENT const int8_t *a, EP_ARGUMENT const int8_t *b,
                                      EP_ARGUMENT int32_t positions, EP_ARGUMENT int32_t step_a, EP_ARGUMENT int32_t step_b)
{
    __asm__ volatile(
        "push {r4-r10, lr}\n"
        "ldrd r4, r5, [sp, #32]\n"
        "mov r6, #0xFF00FF00\n"
        "1:\n"
        "ldr r7, [r1]\n"
        "ldr r8, [r2]\n"
        "add r1, r4\n"
        "add r2, r5\n"
        "pkhbt r9, r7, r8, lsl #16\n"
        "pkhtb r10, r8, r7, asr #16\n"
        "and r7, r6, r9, lsl #8\n"
        "and r9, r6, r9\n"
        "and r8, r6, r10, lsl #8\n"
        "and r10, r6, r10\n"
        "str r9, [r0, #8]\n"
        "str r8, [r0, #16]\n"
        "str r10, [r0, #24]\n"
        "str r7, [r0], #32\n"
        "subs r3, #1\n"
        "bne.n 1b\n"
        "pop {r4-r10, pc}\n");
}

#else

static void ep_depthwise_lines_pair(uint32_t *slot, const int8_t *a, const int8_t *b, int32_t positions, int32_t step_a,
                                    int32_t step_b)
{
    int32_t channel;
    for (; positions > 0; positions--, a += step_a, b += step_b, slot += 8) {
        for (channel = 0; channel < 4; channel++) {
            slot[2 * channel] = ((uint32_t)(uint8_t)a[channel] << 8) | ((uint32_t)(uint8_t)b[channel] << 24);
        }
    }
}

/* One channel of an output line: pairs in slot `whole`, and of the other slot the low (0) or high (1) half. */
EP_INLINE void ep_depthwise_lines_run(const uint32_t *buffer, const struct ep_depthwise_line *line, int8_t *out, int32_t length,
                                      int32_t stride, int32_t whole, int32_t half, int32_t form)
{
    int32_t i, k;
    for (i = 0; i < length; i++, out += line->last >> 16) {
        int32_t acc = line->bias;
        for (k = 0; k < 3; k++) {
            const uint32_t *const pairs = buffer + 8 * (stride * i + k);
            const uint32_t single = k == 0 ? line->single : k == 1 ? line->single >> 16 : line->last;
            acc = ep_smlad(pairs[whole], line->pair[k], acc);
            acc = ep_smlabb(pairs[1 - whole] >> (16 * half), single, acc);
        }
        if (form == EP_DEPTHWISE_EXACT) {
            acc = (ep_smmul(acc, line->multiplier) + line->offset + (acc >> 31) * 128) >> line->shift;
        } else {
            acc = ep_smmul(acc, line->multiplier) >> (form == EP_DEPTHWISE_MIXED ? line->shift : EP_DEPTHWISE_SHIFT);
        }
        *out = (int8_t)ep_saturate8(acc);
    }
}

#endif

EP_INLINE uint32_t ep_depthwise_lines_halves(int32_t low, int32_t high) { return ((uint32_t)low & 0xFFFFu) | (uint32_t)high << 16; }

/* One channel's constants for the first (w0 and w1 are a pair) and the second (w1 and w2 are) of two output lines. */
EP_NOINLINE void ep_depthwise_lines_unpack(const struct ep_depthwise_lines *op, int32_t channel, struct ep_depthwise_line *line)
{
    const int32_t *const constants = op->constants + 2 * channel;
    const int32_t factor = op->factor != 0 ? op->factor : op->factors[channel];
    int32_t bias = constants[0], shift = 1, w[9], k;
    if (op->shifts != NULL) {
        shift = op->shifts[channel];
    } else if (op->half != 0) {
        shift = bias & 255;
        bias -= shift;
    }
    for (k = 0; k < 9; k++) {
        w[k] = op->weights[9 * channel + k] * factor;
    }
    for (k = 0; k < 3; k++) {
        line[0].pair[k] = ep_depthwise_lines_halves(w[k], w[3 + k]);
        line[1].pair[k] = ep_depthwise_lines_halves(w[3 + k], w[6 + k]);
    }
    line[0].single = ep_depthwise_lines_halves(w[6], w[7]);
    line[0].last = ep_depthwise_lines_halves(w[8], op->out_step);
    line[1].single = ep_depthwise_lines_halves(w[0], w[1]);
    line[1].last = ep_depthwise_lines_halves(w[2], op->out_step);
    line[0].bias = line[1].bias = bias;
    line[0].multiplier = line[1].multiplier = constants[1];
    line[0].offset = line[1].offset =
        op->offsets != NULL ? op->offsets[channel] : 64 + op->half * (1 << (shift - 1)); /* see ep_gemm.h */
    line[0].shift = line[1].shift = shift;
}

/* Fill a slot of `count` positions with zero points. */
EP_INLINE void ep_depthwise_lines_fill(uint32_t *slot, int32_t count, int32_t in_zero)
{
    const uint32_t zeros = (uint32_t)(in_zero & 0xFF) * 0x01000100u;
    for (; count > 0; count--, slot += 8) {
        slot[0] = slot[2] = slot[4] = slot[6] = zeros;
    }
}

/* Prepare for the four channels from `channel` on: their constants, zero points beside the image, the mark behind the last position
 * (its lowest bit, which pairs never have). */
EP_SMALL void ep_depthwise_lines_start(const struct ep_depthwise_lines *op, int32_t channel, struct ep_depthwise_line *lines,
                                     uint32_t *buffer)
{
    const int32_t after = op->pad_step + op->in_length;
    int32_t i;
    for (i = 0; i < 4; i++) {
        ep_depthwise_lines_unpack(op, channel + i, lines + 2 * i);
    }
    for (i = 0; i < 2; i++) {
        ep_depthwise_lines_fill(buffer + i, op->pad_step, op->in_zero);
        ep_depthwise_lines_fill(buffer + i + 8 * after, op->positions - after, op->in_zero);
    }
    for (i = 0; i < 8; i++) {
        buffer[8 * op->positions + i] = 1u;
    }
}

/* Put input lines y and y + 1 into a slot of the buffer; lines outside the input are zero points. */
EP_NOINLINE void ep_depthwise_lines_fetch(const struct ep_depthwise_lines *op, const int8_t *input, int32_t y, int8_t *outside,
                                     uint32_t *slot)
{
    const int has_a = y >= 0 && y < op->in_lines, has_b = y + 1 >= 0 && y + 1 < op->in_lines;
    slot += 8 * op->pad_step;
    if (!has_a && !has_b) {
        ep_depthwise_lines_fill(slot, op->in_length, op->in_zero);
        return;
    }
    memset(outside, op->in_zero, 4);
    ep_depthwise_lines_pair(slot, has_a ? input + y * op->in_line : outside, has_b ? input + (y + 1) * op->in_line : outside,
                            op->in_length, has_a ? op->in_step : 0, has_b ? op->in_step : 0);
}

#endif
