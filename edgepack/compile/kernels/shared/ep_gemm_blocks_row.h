/* One row of values times filters of which only the blocks that are not zero are there: four weights that are neighbours.
 *
 * `x` holds the values as int16, of each four the pairs (0, 2) and (1, 3). For each filter the stream holds
 *     where to begin in a round of the loop (16 bits), and how many bytes the next line takes (16 bits)
 *     for each four blocks, the first time with zeros in the place of those that are missing, but for an empty filter never none:
 *         their gaps, eight times the blocks of zeros before each in a byte; then the blocks, four int8 in a word
 *     bias and multiplier, and perhaps more: ep_blocks_output.h. */
#ifndef EP_GEMM_BLOCKS_ROW_H
#define EP_GEMM_BLOCKS_ROW_H

#include "ep_blocks_output.h"

#if EP_ASSEMBLY

/* 6 instructions (8 cycles on M4) for 4 multiply-accumulates, 24 bytes. */
#define EP_GEMM_BLOCKS_ROW_BLOCK(weights, gap) \
    "uxtab r0, r0, r8" gap "\n" \
    "ldrd r2, r3, [r0], #8\n" \
    "sxtb16 r5, " weights "\n" \
    "sxtb16 " weights ", " weights ", ror #8\n" \
    "smlad r4, r5, r2, r4\n" \
    "smlad r4, " weights ", r3, r4\n"

/* Registers: r0 x, r1 stream, r2 r3 values, r4 sum, r6 end of a filter, r7 where x begins, r8 gaps, r9 to r12 blocks, lr end of the
 * stream. Stack: 0 output, then the saved registers. */
EP_NAKED void ep_gemm_blocks_row(EP_ARGUMENT const int32_t *x, EP_ARGUMENT const int32_t *stream, EP_ARGUMENT const int32_t *end,
                                 EP_ARGUMENT int8_t *output)
{
    __asm__ volatile(
        "push {r3-r11, lr}\n"
        "mov r7, r0\n"
        "mov lr, r2\n"
        "1:\n"
        "ldr r2, [r1], #4\n"
        "adr r3, 3f\n"
        "add r6, r1, r2, lsr #16\n"
        "uxtah r3, r3, r2\n"
        "mov r0, r7\n"
        "mov r4, #0\n"
        "ldm r1!, {r8-r12}\n"
        "bx r3\n"
        "2:\n"
        "ldm r1!, {r8-r12}\n"
        ".p2align 2\n"
        "3:\n"
        EP_GEMM_BLOCKS_ROW_BLOCK("r9", "")
        EP_GEMM_BLOCKS_ROW_BLOCK("r10", ", ror #8")
        EP_GEMM_BLOCKS_ROW_BLOCK("r11", ", ror #16")
        EP_GEMM_BLOCKS_ROW_BLOCK("r12", ", ror #24")
        "cmp r1, r6\n"
        "bne.n 2b\n"
        "ldrd r3, r2, [r1], #8\n"
        "ldr r5, [sp]\n"
        "cmp r2, #0\n"
        "blt.n 5f\n"
        EP_GEMM_BLOCKS_ONE_SIDED("r4", "r5")
        "4:\n"
        "str r5, [sp]\n"
        "cmp r1, lr\n"
        "bne.n 1b\n"
        "pop {r3-r11, pc}\n"
        "5:\n"
        "bic r2, r2, #0x80000000\n"
        "ldrd r0, r12, [r1], #8\n"
        "lsr r6, r12, #8\n"
        "add r4, r3, r4, lsl #8\n"
        "and r3, r6, r4, asr #31\n"
        "sub r3, r0, r3\n"
        "smmla r4, r4, r2, r3\n"
        "asr r4, r4, r12\n"
        "ssat r4, #8, r4\n"
        "strb r4, [r5], #1\n"
        "b.n 4b\n");
}

#else

static void ep_gemm_blocks_row(const int32_t *x, const int32_t *stream, const int32_t *end, int8_t *output)
{
    while (stream != end) {
        const int32_t *const constants = stream + 1 + ((uint32_t)stream[0] >> 18), *values = x;
        int32_t block = ((stream[0] & 0xFFFF) - 1) / 24, sum = 0;
        for (stream++; stream < constants; stream += 5, block = 0) {
            for (; block < 4; block++, values += 2) {
                const uint32_t weights = (uint32_t)stream[1 + block];
                values += ((uint32_t)stream[0] >> 8 * block & 0xFFu) / 4;
                sum = ep_smlad(ep_sxtb16(weights), (uint32_t)values[0], sum);
                sum = ep_smlad(ep_sxtb16_odd(weights), (uint32_t)values[1], sum);
            }
        }
        *output++ = ep_gemm_blocks_output(sum, constants);
        stream = constants + (constants[1] < 0 ? 4 : 2);
    }
}

#endif

#endif
