/* Counting cycles with SysTick, which every Cortex-M has: 24 bits, extended by its interrupt. Include it in one file. */
#ifndef EDGEPACK_CYCLES_SYSTICK_H
#define EDGEPACK_CYCLES_SYSTICK_H

#include "board.h"

const char board_counter[] = "systick";

static volatile uint32_t systick_wraps;

void edgepack_systick(void);
void edgepack_systick(void)
{
    systick_wraps++;
}

static inline void cycles_start(void)
{
    BOARD_REGISTER(0xE000E014) = 0xFFFFFFu; /* SYST_RVR */
    BOARD_REGISTER(0xE000E018) = 0;         /* SYST_CVR */
    BOARD_REGISTER(0xE000E010) = 7;         /* SYST_CSR: core clock, interrupt, enabled */
}

/* Read again when the counter wrapped in between, so that count and wraps belong together. */
uint32_t board_cycles(void)
{
    for (;;) {
        const uint32_t wraps = systick_wraps;
        const uint32_t count = BOARD_REGISTER(0xE000E018);
        if (wraps == systick_wraps) {
            return (wraps << 24) + (0xFFFFFFu - count);
        }
    }
}

#endif
