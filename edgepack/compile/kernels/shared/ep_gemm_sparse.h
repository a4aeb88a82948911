/* Eight pixels times filters of which only the weights that are not zero are there.
 *
 * A word of `x` holds two pixels' values of one channel, the second times 2^23: one SMLAL multiplies both with a weight, and their sums
 * stay apart in its 64 bits as long as the first is within 2^22, which the compiler has checked. Four such words lie side by side.
 * For each filter the stream holds
 *     where to begin in a round of the loop (16 bits), and how many bytes the weights take (16 bits)
 *     for each weight, of an even number: how many words to go on in x, then the weight, a byte each
 *     bias and multiplier, as in ep_gemm.h: t = 256 * sum + bias, one-sided where bit 31 of the multiplier is clear, else short. */
#ifndef EP_GEMM_SPARSE_H
#define EP_GEMM_SPARSE_H

#include "ep_gemm.h"

#define EP_SPARSE_SHIFT 23
#define EP_SPARSE_ROUND 4 /* weights */
#define EP_SPARSE_CODE 36 /* bytes of a weight's instructions */

/* The words of the stream that a filter's weights take, with the word before them. */
EP_INLINE int32_t ep_sparse_words(uint32_t head) { return (int32_t)(1 + (head >> 18)); }

#if EP_ASSEMBLY

/* Registers: r0 x, r1 stream, r2 weight, r3 distance, r4 to r11 sums of two pixels each, r12 lr pixels. 9 instructions (15 cycles on
 * M4) for 8 multiply-accumulates. */
#define EP_GEMM_SPARSE_WEIGHT \
    "ldrb.w r3, [r1], #1\n" \
    "ldrsb.w r2, [r1], #1\n" \
    "add.w r0, r0, r3, lsl #2\n" \
    "ldrd r12, lr, [r0]\n" \
    "smlal r4, r5, r12, r2\n" \
    "smlal r6, r7, lr, r2\n" \
    "ldrd r12, lr, [r0, #8]\n" \
    "smlal r8, r9, r12, r2\n" \
    "smlal r10, r11, lr, r2\n"

/* The sums of two pixels, in place, the first too large by 2^22. */
#define EP_GEMM_SPARSE_APART(low, high) \
    "lsl " high ", " high ", #9\n" \
    "orr " high ", " high ", " low ", lsr #23\n" \
    "ubfx " low ", " low ", #0, #23\n"

/* r0, r3 the biases of the first and the second of two pixels, r2 multiplier; outputs at sp + place. */
#define EP_GEMM_SPARSE_ONE_SIDED(low, high, place) \
    "ldrd r12, lr, [sp, #" place "]\n" \
    "add " high ", r3, " high ", lsl #8\n" \
    EP_GEMM_ONE_SIDED(high, "r2", "lr") \
    "add " low ", r0, " low ", lsl #8\n" \
    EP_GEMM_ONE_SIDED(low, "r2", "r12") \
    "strd r12, lr, [sp, #" place "]\n"

/* The same; r12 is 2 * zero point + 1, the low byte of r0 the shift. */
#define EP_GEMM_SPARSE_SHORT(acc, bias, place) \
    "ldr lr, [sp, #" place "]\n" \
    "add " acc ", " bias ", " acc ", lsl #8\n" \
    EP_GEMM_SHORT(acc, "r2", "r12", "lr") \
    "str lr, [sp, #" place "]\n"

/* outputs: where the eight pixels' outputs go, of each two the first and the second; those that are stored later win: from the last
 * two to the first, and of two the second before the first.
 * Stack: 0 end of a filter, 4 x, 8 end of the stream, 12 outputs, 44 the saved registers, 80 half. */
EP_LONG_ASSEMBLY_BEGIN
EP_NAKED void ep_gemm_sparse(EP_ARGUMENT const int32_t *x, EP_ARGUMENT const int32_t *stream, EP_ARGUMENT const int32_t *end,
                             EP_ARGUMENT int8_t *const *outputs, EP_ARGUMENT int32_t half)
{
    __asm__ volatile(
        "push {r4-r11, lr}\n"
        "ldm r3, {r4-r11}\n"
        "push {r4-r11}\n"
        "push {r0, r2}\n"
        "push {r0}\n"
        "1:\n"
        "ldr r2, [r1], #4\n"
        "adr r3, 3f\n"
        "add r4, r1, r2, lsr #16\n"
        "str r4, [sp]\n"
        "uxtah r3, r3, r2\n"
        "ldr r0, [sp, #4]\n"
        "mov r4, #0x400000\n"
        "mov r6, r4\n"
        "mov r8, r4\n"
        "mov r10, r4\n"
        "mov r5, #0\n"
        "mov r7, #0\n"
        "mov r9, #0\n"
        "mov r11, #0\n"
        "bx r3\n"
        ".p2align 2\n"
        "3:\n"
        EP_GEMM_SPARSE_WEIGHT EP_GEMM_SPARSE_WEIGHT EP_GEMM_SPARSE_WEIGHT EP_GEMM_SPARSE_WEIGHT
        "ldr r2, [sp]\n"
        "cmp r1, r2\n"
        "bne.w 3b\n"
        EP_GEMM_SPARSE_APART("r4", "r5")
        EP_GEMM_SPARSE_APART("r6", "r7")
        EP_GEMM_SPARSE_APART("r8", "r9")
        EP_GEMM_SPARSE_APART("r10", "r11")
        "ldrd r3, r2, [r1], #8\n"
        "sub r0, r3, #0x40000000\n"
        "cmp r2, #0\n"
        "blt.w 5f\n"
        EP_GEMM_SPARSE_ONE_SIDED("r10", "r11", "36")
        EP_GEMM_SPARSE_ONE_SIDED("r8", "r9", "28")
        EP_GEMM_SPARSE_ONE_SIDED("r6", "r7", "20")
        EP_GEMM_SPARSE_ONE_SIDED("r4", "r5", "12")
        "4:\n"
        "ldr r2, [sp, #8]\n"
        "cmp r1, r2\n"
        "bne.w 1b\n"
        "add sp, sp, #44\n"
        "pop {r4-r11, pc}\n"
        "5:\n"
        "bic r2, r2, #0x80000000\n"
        "ldr r12, [sp, #80]\n"
        EP_GEMM_SPARSE_SHORT("r11", "r3", "40")
        EP_GEMM_SPARSE_SHORT("r10", "r0", "36")
        EP_GEMM_SPARSE_SHORT("r9", "r3", "32")
        EP_GEMM_SPARSE_SHORT("r8", "r0", "28")
        EP_GEMM_SPARSE_SHORT("r7", "r3", "24")
        EP_GEMM_SPARSE_SHORT("r6", "r0", "20")
        EP_GEMM_SPARSE_SHORT("r5", "r3", "16")
        EP_GEMM_SPARSE_SHORT("r4", "r0", "12")
        "b.n 4b\n");
}
EP_LONG_ASSEMBLY_END

#else

static void ep_gemm_sparse(const int32_t *x, const int32_t *stream, const int32_t *end, int8_t *const *outputs, int32_t half)
{
    int32_t channel, word;
    for (channel = 0; stream != end; channel++) {
        const int32_t *const constants = stream + ep_sparse_words((uint32_t)stream[0]);
        for (word = 3; word >= 0; word--) {
            const int8_t *weight = (const int8_t *)(stream + 1);
            const int32_t *at = x + word;
            int64_t both = 0;
            int32_t sums[2], pixel;
            for (; weight < (const int8_t *)constants; weight += 2) {
                at += (uint8_t)weight[0];
                both += (int64_t)*at * weight[1];
            }
            sums[1] = (int32_t)((both + (1 << (EP_SPARSE_SHIFT - 1))) >> EP_SPARSE_SHIFT);
            sums[0] = (int32_t)(both - (int64_t)sums[1] * (1 << EP_SPARSE_SHIFT));
            for (pixel = 1; pixel >= 0; pixel--) {
                const int32_t t = (int32_t)(((uint32_t)sums[pixel] << 8) + (uint32_t)constants[0]);
                outputs[2 * word + pixel][channel] = constants[1] >= 0
                                                         ? ep_gemm_one_sided(t, constants[1])
                                                         : ep_gemm_short(t, constants[1] & INT32_MAX, half);
            }
        }
        stream = constants + 2;
    }
}

#endif

#endif
