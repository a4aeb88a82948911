/* ST NUCLEO-F746ZG (STM32F746ZG, Cortex-M7): 216 MHz from the 16 MHz HSI, USART3 on the ST-LINK's virtual COM port.

   Reference: RM0385 (3.3.2 flash wait states, 4.1.4 over-drive, 5.2 clocks), PM0253 (4.8 caches), UM1974 (USART3 on PD8, PD9). */
#include "cycles_dwt.h"

const char board_name[] = "NUCLEO-F746ZG";
const char board_cpu[] = "cortex-m7";
const uint32_t board_clock_hz = 216000000u;

#define RCC(offset) BOARD_REGISTER(0x40023800u + (offset))
#define PWR(offset) BOARD_REGISTER(0x40007000u + (offset))
#define GPIOD(offset) BOARD_REGISTER(0x40020C00u + (offset))
#define USART3(offset) BOARD_REGISTER(0x40004800u + (offset))
#define SCB(offset) BOARD_REGISTER(0xE000E000u + (offset))
#define FLASH_ACR BOARD_REGISTER(0x40023C00u)

static void wait_for(volatile uint32_t *address, uint32_t mask)
{
    while ((*address & mask) != mask) {
    }
}

static void start_clock(void)
{
    RCC(0x40) |= 1u << 28;                         /* APB1ENR.PWREN */
    (void)RCC(0x40);
    FLASH_ACR = 7u | 1u << 8 | 1u << 9;            /* 7 wait states, prefetch, ART accelerator */
    RCC(0x04) = 8u | 216u << 6 | 0u << 16 | 9u << 24; /* PLLCFGR: HSI / 8 * 216 / 2; Q = 9 */
    RCC(0x00) |= 1u << 24;                         /* CR.PLLON */
    PWR(0x00) |= 1u << 16;                         /* CR1.ODEN: over-drive, needed above 180 MHz */
    wait_for(&PWR(0x04), 1u << 16);
    PWR(0x00) |= 1u << 17;                         /* CR1.ODSWEN */
    wait_for(&PWR(0x04), 1u << 17);
    wait_for(&RCC(0x00), 1u << 25);                /* PLLRDY */
    RCC(0x08) = 5u << 10 | 4u << 13 | 2u;          /* CFGR: APB1 / 4, APB2 / 2, system clock from the PLL */
    wait_for(&RCC(0x08), 2u << 2);
}

/* The caches hold nothing valid after reset: invalidate before enabling (PM0253, 4.8). */
static void start_caches(void)
{
    SCB(0xF50) = 0;           /* ICIALLU */
    __asm__ volatile("dsb\n\tisb" ::: "memory");
    SCB(0xD14) |= 1u << 17;   /* CCR.IC */
    __asm__ volatile("dsb\n\tisb" ::: "memory");
    SCB(0xD84) = 0;           /* CSSELR: level 1 data cache */
    __asm__ volatile("dsb" ::: "memory");
    const uint32_t sets = (SCB(0xD80) >> 13 & 0x7FFFu) + 1u, ways = (SCB(0xD80) >> 3 & 0x3FFu) + 1u; /* CCSIDR */
    for (uint32_t set = 0; set < sets; set++) {
        for (uint32_t way = 0; way < ways; way++) {
            SCB(0xF60) = way << 30 | set << 5; /* DCISW */
        }
    }
    __asm__ volatile("dsb" ::: "memory");
    SCB(0xD14) |= 1u << 16;   /* CCR.DC */
    __asm__ volatile("dsb\n\tisb" ::: "memory");
}

static void start_uart(void)
{
    RCC(0x30) |= 1u << 3;   /* AHB1ENR.GPIODEN */
    RCC(0x40) |= 1u << 18;  /* APB1ENR.USART3EN */
    (void)RCC(0x40);
    GPIOD(0x00) = (GPIOD(0x00) & ~(15u << 16)) | 10u << 16; /* MODER 8, 9: alternate function */
    GPIOD(0x24) = (GPIOD(0x24) & ~0xFFu) | 0x77u;           /* AFRH 8, 9: USART3 */
    USART3(0x0C) = (54000000u + 115200u / 2u) / 115200u;    /* BRR: APB1 runs at 54 MHz */
    USART3(0x00) = 1u | 1u << 2 | 1u << 3;                  /* CR1: UE, RE, TE */
}

void board_start(void)
{
    start_clock();
    start_caches();
    start_uart();
    cycles_start();
}

void board_put(char character)
{
    wait_for(&USART3(0x1C), 1u << 7); /* ISR.TXE */
    USART3(0x28) = (uint8_t)character;
}

int board_get(void)
{
    if ((USART3(0x1C) & 1u << 3) != 0) { /* an overrun blocks reception until it is cleared */
        USART3(0x20) = 1u << 3;
    }
    return (USART3(0x1C) & 1u << 5) != 0 ? (int)(USART3(0x24) & 0xFFu) : -1;
}
