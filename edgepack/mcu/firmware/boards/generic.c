/* Your board: fill in the four marked places from its reference manual and the board's schematic. */
#include "cycles_dwt.h" /* Cortex-M0, M0+ and M23 have no DWT counter: include "cycles_systick.h" instead */

const char board_name[] = "generic";
const char board_cpu[] = "cortex-m4";             /* 1: the core */
const uint32_t board_clock_hz = 16000000u;        /* 2: the clock that board_start() sets; latencies are computed from it */

void board_start(void)
{
    /* 3: set the core clock, the flash wait states it needs and the caches, then the UART's pins and 115200 baud, 8N1. Out of
       reset most parts run from an internal oscillator without wait states, which is enough to begin with. */
    cycles_start();
}

/* 4: the UART. Until it is filled in, the report is in edgepack_log, where a debugger or probe can read it. */
void board_put(char character)
{
    (void)character;
}

int board_get(void)
{
    return -1;
}
