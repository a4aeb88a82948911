/* Raspberry Pi Pico (RP2040, Cortex-M0+): 125 MHz, UART0 on GPIO 0 and 1, the whole program in SRAM.

   A program in SRAM needs no second-stage boot loader, and its cycles hold no misses of the flash cache. Load it with
   `picotool load -x firmware.elf` or a debug probe. Reference: RP2040 datasheet (2.8.3 boot from RAM, 2.14 resets, 2.15
   clocks, 2.16 crystal, 2.18 PLL, 4.2 UART, 2.19 GPIO). */
#include "cycles_systick.h"

const char board_name[] = "Raspberry Pi Pico";
const char board_cpu[] = "cortex-m0plus";
const uint32_t board_clock_hz = 125000000u;

#define RESETS(offset) BOARD_REGISTER(0x4000C000u + (offset))
#define RESETS_CLEAR(offset) BOARD_REGISTER(0x4000F000u + (offset))
#define CLOCKS(offset) BOARD_REGISTER(0x40008000u + (offset))
#define XOSC(offset) BOARD_REGISTER(0x40024000u + (offset))
#define PLL_SYS(offset) BOARD_REGISTER(0x40028000u + (offset))
#define UART0(offset) BOARD_REGISTER(0x40034000u + (offset))
#define IO_BANK0(offset) BOARD_REGISTER(0x40014000u + (offset))

enum { IO = 1 << 5, PADS = 1 << 8, PLL = 1 << 12, UART = 1 << 22 };

/* The boot ROM starts a program in SRAM at its first byte: take the stack and the entry point from the vector table. */
__attribute__((naked, section(".entry"), used)) void edgepack_entry(void);
void edgepack_entry(void)
{
    __asm__ volatile("ldr r0, =edgepack_vectors\n\t"
                     "ldr r1, =0xE000ED08\n\t" /* VTOR */
                     "str r0, [r1]\n\t"
                     "ldr r1, [r0]\n\t"
                     "mov sp, r1\n\t"
                     "ldr r0, [r0, #4]\n\t"
                     "bx r0\n\t"
                     ".ltorg");
}

static void leave_reset(uint32_t blocks)
{
    RESETS_CLEAR(0x0) = blocks;
    while ((RESETS(0x8) & blocks) != blocks) {
    }
}

static void start_clock(void)
{
    XOSC(0x0C) = 47;       /* STARTUP: 1 ms at 12 MHz */
    XOSC(0x00) = 0xFABAA0; /* CTRL: enable, 1 to 15 MHz */
    while ((XOSC(0x04) & 1u << 31) == 0) {
    }
    CLOCKS(0x30) = 2; /* CLK_REF from the crystal */
    while ((CLOCKS(0x38) & 1u << 2) == 0) {
    }
    leave_reset(PLL);
    PLL_SYS(0x0) = 1;   /* CS.REFDIV */
    PLL_SYS(0x8) = 125; /* FBDIV: 12 MHz * 125 = 1500 MHz */
    BOARD_REGISTER(0x4002B000u + 0x4) = 1u | 1u << 5; /* PWR, atomic clear: main and VCO on */
    while ((PLL_SYS(0x0) & 1u << 31) == 0) {
    }
    PLL_SYS(0xC) = 6u << 16 | 2u << 12; /* PRIM: / 6 / 2 = 125 MHz */
    BOARD_REGISTER(0x4002B000u + 0x4) = 1u << 3; /* PWR: post dividers on */
    CLOCKS(0x3C) = 1; /* CLK_SYS from its auxiliary source, PLL_SYS */
    while ((CLOCKS(0x44) & 1u << 1) == 0) {
    }
    CLOCKS(0x48) = 1u << 11; /* CLK_PERI on, from CLK_SYS */
}

void board_start(void)
{
    start_clock();
    leave_reset(IO | PADS | UART);
    IO_BANK0(0x04) = 2; /* GPIO 0: UART0 TX */
    IO_BANK0(0x0C) = 2; /* GPIO 1: UART0 RX */
    UART0(0x24) = 67;   /* 125 MHz / (16 * 115200) = 67 + 52 / 64 */
    UART0(0x28) = 52;
    UART0(0x2C) = 3u << 5 | 1u << 4;          /* LCR_H: 8 bits, FIFO */
    UART0(0x30) = 1u | 1u << 8 | 1u << 9;     /* CR: UART, transmit, receive */
    cycles_start();
}

void board_put(char character)
{
    while ((UART0(0x18) & 1u << 5) != 0) { /* FR.TXFF */
    }
    UART0(0x00) = (uint8_t)character;
}

int board_get(void)
{
    return (UART0(0x18) & 1u << 4) == 0 ? (int)(UART0(0x00) & 0xFFu) : -1;
}
