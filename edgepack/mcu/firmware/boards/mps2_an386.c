/* Arm MPS2+ with the AN386 image (Cortex-M4), also the machine mps2-an386 of QEMU: a template for a board of your own.

   The core runs at 25 MHz out of reset and has no flash wait states, so the clock needs no set-up. UART0 is a CMSDK APB UART
   (Arm DDI 0479D, 4.3). QEMU has no DWT counter, hence SysTick. */
#include "cycles_systick.h"

const char board_name[] = "MPS2-AN386";
const char board_cpu[] = "cortex-m4";
const uint32_t board_clock_hz = 25000000u;

#define UART0 0x40004000u
#define UART_DATA BOARD_REGISTER(UART0 + 0x00)
#define UART_STATE BOARD_REGISTER(UART0 + 0x04)   /* bit 0: transmit buffer full, bit 1: receive buffer full */
#define UART_CONTROL BOARD_REGISTER(UART0 + 0x08) /* bit 0: transmit, bit 1: receive */
#define UART_DIVIDER BOARD_REGISTER(UART0 + 0x10)

/* QEMU has no DWT, so its control register reads 0; the M4's says how many comparators there are. */
int board_emulated(void)
{
    return BOARD_REGISTER(0xE0001000u) == 0;
}

void board_start(void)
{
    UART_DIVIDER = 25000000u / 115200u;
    UART_CONTROL = 3;
    cycles_start();
}

void board_put(char character)
{
    while ((UART_STATE & 1u) != 0) {
    }
    UART_DATA = (uint8_t)character;
}

int board_get(void)
{
    return (UART_STATE & 2u) != 0 ? (int)(UART_DATA & 0xFFu) : -1;
}
