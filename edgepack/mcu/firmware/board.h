/* What a board file provides: one page of C for one board. */
#ifndef EDGEPACK_BOARD_H
#define EDGEPACK_BOARD_H

#include <stdint.h>

extern const char board_name[];    /* as printed in the report */
extern const char board_cpu[];     /* "cortex-m4" */
extern const char board_counter[]; /* what counts cycles: "dwt" or "systick" */
extern const uint32_t board_clock_hz;

/* Core clock, flash wait states, caches, and a UART of 115200 baud, 8 data bits, no parity, 1 stop bit. */
void board_start(void);
void board_put(char character);
/* The next character received, or -1. */
int board_get(void);
/* A free-running counter of core clock cycles; board_start() starts it. */
uint32_t board_cycles(void);
/* 1 when an emulator stands in for the board, whose cycles are then nobody's. Optional: 0 unless the board file says otherwise. */
int board_emulated(void);

#define BOARD_REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

#endif
