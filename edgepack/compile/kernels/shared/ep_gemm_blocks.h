/* Four pixels times filters of which only the blocks that are not zero are there: four weights that are neighbours in a filter.
 *
 * `x` holds the pixels' values as int16, of each four the pairs (0, 2) of the four pixels, then their pairs (1, 3).
 * For each filter the stream holds
 *     where to begin in a round of the loop (16 bits), and how many bytes the next two lines take (16 bits)
 *     for each eight blocks, the first time perhaps fewer, but for an empty filter never none:
 *         their gaps, four bits each: blocks of zeros before a block; then the blocks, four int8 in a word
 *     bias and multiplier, and perhaps more: ep_blocks_output.h. */
#ifndef EP_GEMM_BLOCKS_H
#define EP_GEMM_BLOCKS_H

#include "ep_blocks_output.h"

#if EP_ASSEMBLY

/* Registers: r0 x, r1 stream, r2 r3 weights, r4 to r7 sums, r8 to r11 pixels, r12 gaps. 15 instructions (24 cycles on M4) for 16
 * multiply-accumulates, 60 bytes. */
#define EP_GEMM_BLOCK(bit) \
    "ldr r2, [r1], #4\n" \
    "ubfx r3, r12, #" bit ", #4\n" \
    "add r0, r0, r3, lsl #5\n" \
    "ldm r0!, {r8-r11}\n" \
    "sxtb16 r3, r2\n" \
    "sxtb16 r2, r2, ror #8\n" \
    "smlad r4, r3, r8, r4\n" \
    "smlad r5, r3, r9, r5\n" \
    "smlad r6, r3, r10, r6\n" \
    "smlad r7, r3, r11, r7\n" \
    "ldm r0!, {r8-r11}\n" \
    "smlad r4, r2, r8, r4\n" \
    "smlad r5, r2, r9, r5\n" \
    "smlad r6, r2, r10, r6\n" \
    "smlad r7, r2, r11, r7\n"

/* outputs: where each pixel's outputs go. Stack: 0 end of a filter, 4 x, 8 end of the stream, 12 outputs, then the saved registers. */
EP_LONG_ASSEMBLY_BEGIN
EP_NAKED void ep_gemm_blocks(EP_ARGUMENT const int32_t *x, EP_ARGUMENT const int32_t *stream, EP_ARGUMENT const int32_t *end,
                             EP_ARGUMENT int8_t *const *outputs)
{
    __asm__ volatile(
        "push {r4-r11, lr}\n"
        "ldm r3, {r8-r11}\n"
        "push {r8-r11}\n"
        "push {r0, r2}\n"
        "push {r0}\n"
        "1:\n"
        "ldr r2, [r1], #4\n"
        "adr r3, 3f\n"
        "add r4, r1, r2, lsr #16\n"
        "str r4, [sp]\n"
        "uxtah r3, r3, r2\n"
        "ldr r0, [sp, #4]\n"
        "ldr r12, [r1], #4\n"
        "mov r4, #0\n"
        "mov r5, #0\n"
        "mov r6, #0\n"
        "mov r7, #0\n"
        "bx r3\n"
        "2:\n"
        "ldr r12, [r1], #4\n"
        ".p2align 2\n"
        "3:\n"
        EP_GEMM_BLOCK("0") EP_GEMM_BLOCK("4") EP_GEMM_BLOCK("8") EP_GEMM_BLOCK("12")
        EP_GEMM_BLOCK("16") EP_GEMM_BLOCK("20") EP_GEMM_BLOCK("24") EP_GEMM_BLOCK("28")
        "ldr r2, [sp]\n"
        "cmp r1, r2\n"
        "bne.w 2b\n"
        "ldrd r3, r2, [r1], #8\n"
        "ldrd r8, r9, [sp, #12]\n"
        "ldrd r10, r11, [sp, #20]\n"
        "cmp r2, #0\n"
        "blt.n 5f\n"
        EP_GEMM_BLOCKS_ONE_SIDED("r4", "r8")
        EP_GEMM_BLOCKS_ONE_SIDED("r5", "r9")
        EP_GEMM_BLOCKS_ONE_SIDED("r6", "r10")
        EP_GEMM_BLOCKS_ONE_SIDED("r7", "r11")
        "4:\n"
        "ldr r2, [sp, #8]\n"
        "strd r8, r9, [sp, #12]\n"
        "strd r10, r11, [sp, #20]\n"
        "cmp r1, r2\n"
        "bne.w 1b\n"
        "add sp, sp, #28\n"
        "pop {r4-r11, pc}\n"
        "5:\n"
        "bic r2, r2, #0x80000000\n"
        "ldrd r0, r12, [r1], #8\n"
        "lsr lr, r12, #8\n"
        "add r4, r3, r4, lsl #8\n"
        "add r5, r3, r5, lsl #8\n"
        "add r6, r3, r6, lsl #8\n"
        "add r7, r3, r7, lsl #8\n"
        EP_GEMM_BLOCKS_WIDE("r4", "r8")
        EP_GEMM_BLOCKS_WIDE("r5", "r9")
        EP_GEMM_BLOCKS_WIDE("r6", "r10")
        EP_GEMM_BLOCKS_WIDE("r7", "r11")
        "b.n 4b\n");
}
EP_LONG_ASSEMBLY_END

#else

/* The sum of a pixel, at x, with a filter. */
EP_INLINE int32_t ep_gemm_blocks_sum(const int32_t *x, const int32_t *stream)
{
    const int32_t *const end = stream + 1 + ((uint32_t)stream[0] >> 18);
    int32_t block = ((stream[0] & 0xFFFF) - 1) / 60, sum = 0;
    for (stream++; stream < end; block = 0) {
        const uint32_t gaps = (uint32_t)*stream++;
        for (; block < 8; block++, x += 8) {
            x += 8 * (gaps >> 4 * block & 15u);
            sum = ep_smlad(ep_sxtb16((uint32_t)*stream), (uint32_t)x[0], sum);
            sum = ep_smlad(ep_sxtb16_odd((uint32_t)*stream++), (uint32_t)x[4], sum);
        }
    }
    return sum;
}

static void ep_gemm_blocks(const int32_t *x, const int32_t *stream, const int32_t *end, int8_t *const *outputs)
{
    int32_t channel, pixel;
    for (channel = 0; stream != end; channel++) {
        const int32_t *const constants = stream + 1 + ((uint32_t)stream[0] >> 18);
        for (pixel = 0; pixel < 4; pixel++) {
            outputs[pixel][channel] = ep_gemm_blocks_output(ep_gemm_blocks_sum(x + pixel, stream), constants);
        }
        stream = constants + (constants[1] < 0 ? 4 : 2);
    }
}

#endif

#endif
