/* Counting cycles with the Data Watchpoint and Trace unit (Armv7-M ARM, C1.8): M3, M4, M7, M33, M55, M85. Include it in one file. */
#ifndef EDGEPACK_CYCLES_DWT_H
#define EDGEPACK_CYCLES_DWT_H

#include "board.h"

const char board_counter[] = "dwt";

static inline void cycles_start(void)
{
    BOARD_REGISTER(0xE000EDFC) |= 1u << 24;     /* DEMCR.TRCENA */
    BOARD_REGISTER(0xE0001FB0) = 0xC5ACCE55u;   /* DWT_LAR: the M7 locks the unit */
    BOARD_REGISTER(0xE0001004) = 0;             /* DWT_CYCCNT */
    BOARD_REGISTER(0xE0001000) |= 1u;           /* DWT_CTRL.CYCCNTENA */
}

uint32_t board_cycles(void)
{
    return BOARD_REGISTER(0xE0001004);
}

#endif
