/* ST NUCLEO-L4R5ZI (STM32L4R5ZI, Cortex-M4F): 120 MHz from the 4 MHz MSI, LPUART1 on the ST-LINK's virtual COM port.

   Reference: RM0432 (5.1.8 voltage scaling, 6.2 clocks, 3.3.3 flash wait states), UM2179 (LPUART1 on PG7 and PG8). */
#include "cycles_dwt.h"

const char board_name[] = "NUCLEO-L4R5ZI";
const char board_cpu[] = "cortex-m4";
const uint32_t board_clock_hz = 120000000u;

#define RCC(offset) BOARD_REGISTER(0x40021000u + (offset))
#define PWR(offset) BOARD_REGISTER(0x40007000u + (offset))
#define GPIOG(offset) BOARD_REGISTER(0x48001800u + (offset))
#define LPUART1(offset) BOARD_REGISTER(0x40008000u + (offset))
#define FLASH_ACR BOARD_REGISTER(0x40022000u)

static void wait_for(volatile uint32_t *address, uint32_t mask, uint32_t value)
{
    while ((*address & mask) != value) {
    }
}

static void start_clock(void)
{
    RCC(0x58) |= 1u << 28;                       /* APB1ENR1.PWREN */
    PWR(0x80) &= ~(1u << 8);                     /* CR5.R1MODE = 0: range 1 boost, needed above 80 MHz */
    wait_for(&PWR(0x14), 1u << 10, 0);           /* SR2.VOSF: voltage reached */
    FLASH_ACR = 5u | 1u << 8 | 1u << 9 | 1u << 10; /* 5 wait states, prefetch, instruction and data cache */
    wait_for(&FLASH_ACR, 15u, 5u);
    RCC(0x0C) = 1u | 60u << 8 | 1u << 24;        /* PLLCFGR: MSI / 1 * 60 / 2, R output on */
    RCC(0x00) |= 1u << 24;                       /* CR.PLLON */
    wait_for(&RCC(0x00), 1u << 25, 1u << 25);
    RCC(0x08) = 8u << 4;                         /* CFGR.HPRE = 2 while switching: at most 80 MHz per step */
    RCC(0x08) |= 3u;                             /* CFGR.SW = PLL */
    wait_for(&RCC(0x08), 3u << 2, 3u << 2);
    for (volatile uint32_t pause = 0; pause < 100u; pause++) {
    }
    RCC(0x08) &= ~(15u << 4);
}

static void start_uart(void)
{
    RCC(0x4C) |= 1u << 6;  /* AHB2ENR.GPIOGEN */
    RCC(0x5C) |= 1u << 0;  /* APB1ENR2.LPUART1EN */
    PWR(0x04) |= 1u << 9;  /* CR2.IOSV: port G is supplied by VDDIO2 */
    GPIOG(0x00) = (GPIOG(0x00) & ~(15u << 14)) | 10u << 14;                    /* MODER 7, 8: alternate function */
    GPIOG(0x20) = (GPIOG(0x20) & ~(15u << 28)) | 8u << 28;                     /* AFRL 7: LPUART1_TX */
    GPIOG(0x24) = (GPIOG(0x24) & ~15u) | 8u;                                   /* AFRH 8: LPUART1_RX */
    LPUART1(0x0C) = (uint32_t)(256ull * 120000000u / 115200u);                 /* BRR */
    LPUART1(0x00) = 1u | 1u << 2 | 1u << 3;                                    /* CR1: UE, RE, TE */
}

void board_start(void)
{
    start_clock();
    start_uart();
    cycles_start();
}

void board_put(char character)
{
    wait_for(&LPUART1(0x1C), 1u << 7, 1u << 7); /* ISR.TXE */
    LPUART1(0x28) = (uint8_t)character;
}

int board_get(void)
{
    if ((LPUART1(0x1C) & 1u << 3) != 0) { /* an overrun blocks reception until it is cleared */
        LPUART1(0x20) = 1u << 3;
    }
    return (LPUART1(0x1C) & 1u << 5) != 0 ? (int)(LPUART1(0x24) & 0xFFu) : -1;
}
