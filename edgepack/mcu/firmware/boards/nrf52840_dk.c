/* Nordic nRF52840-DK (Cortex-M4F): 64 MHz, UART0 on the interface MCU's virtual COM port (P0.06 and P0.08).

   Reference: nRF52840 Product Specification 1.7 (CLOCK 5.4, NVMC 4.3, UART 6.33), nRF52840 DK hardware guide. */
#include "cycles_dwt.h"

const char board_name[] = "nRF52840-DK";
const char board_cpu[] = "cortex-m4";
const uint32_t board_clock_hz = 64000000u;

#define CLOCK(offset) BOARD_REGISTER(0x40000000u + (offset))
#define UART0(offset) BOARD_REGISTER(0x40002000u + (offset))
#define P0(offset) BOARD_REGISTER(0x50000000u + (offset))
#define NVMC_ICACHECNF BOARD_REGISTER(0x4001E540u)

enum { TX_PIN = 6, RX_PIN = 8 };

void board_start(void)
{
    CLOCK(0x100) = 0; /* EVENTS_HFCLKSTARTED */
    CLOCK(0x000) = 1; /* TASKS_HFCLKSTART: the crystal, for an exact baud rate */
    while (CLOCK(0x100) == 0) {
    }
    NVMC_ICACHECNF = 1;
    P0(0x508) = 1u << TX_PIN; /* OUTSET: idle high */
    P0(0x518) = 1u << TX_PIN; /* DIRSET */
    P0(0x700 + 4 * RX_PIN) = 0; /* PIN_CNF: input, connected */
    UART0(0x50C) = TX_PIN;
    UART0(0x514) = RX_PIN;
    UART0(0x524) = 0x01D7E000u; /* 115200 baud */
    UART0(0x56C) = 0;           /* no parity, one stop bit */
    UART0(0x500) = 4;           /* ENABLE */
    UART0(0x000) = 1;           /* TASKS_STARTRX */
    UART0(0x008) = 1;           /* TASKS_STARTTX */
    cycles_start();
}

void board_put(char character)
{
    UART0(0x11C) = 0; /* EVENTS_TXDRDY */
    UART0(0x51C) = (uint8_t)character;
    while (UART0(0x11C) == 0) {
    }
}

int board_get(void)
{
    if (UART0(0x108) == 0) { /* EVENTS_RXDRDY */
        return -1;
    }
    UART0(0x108) = 0;
    return (int)(UART0(0x518) & 0xFFu);
}
