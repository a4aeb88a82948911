/* device PAGE GRANULE SLOT NAME KEY COMMAND… : a device whose flash is empty at first, and what is done with it.

     apply UPDATE FLAGS        prints the result, the changes of flash, and whether any byte of the slots is another
     cut UPDATE AT             the same with the power failing in a change, and reboots
     revert                    the same, back to the other slot
     rot SLOT OFFSET           a byte of a slot changes by itself
     runs IMAGE                prints the result and whether the running image is these bytes
     cuts UPDATE OLD NEW FIRST STEP SECOND
                               the power fails in change FIRST, FIRST + STEP, … of the update until it is done without a cut; where
                               SECOND is 1, in a second one too. Prints the cuts, and those that went wrong, by number and failure */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"

static struct device_flash before;

static struct bytes_of load(const char *path)
{
    FILE *file = fopen(path, "rb");
    static uint8_t loaded[8][DEVICE_LARGEST]; /* a command has three */
    static unsigned next;
    uint8_t *data = loaded[next++ % 8];
    if (file == NULL) {
        exit(2);
    }
    const struct bytes_of bytes = {data, (uint32_t)fread(data, 1, DEVICE_LARGEST, file)};
    fclose(file);
    return bytes;
}

static void report(enum ota_result result)
{
    const int same = memcmp(before.area, flash.area, 2 * DEVICE_LARGEST) == 0;
    printf("%d %u %s%s\n", (int)result, flash.changes, same ? "same" : "changed", flash.violated ? " violated" : "");
}

static void cuts(char **words)
{
    const struct bytes_of update = load(words[0]), old = load(words[1]), wanted = load(words[2]);
    const uint32_t step = (uint32_t)atoi(words[4]), twice = (uint32_t)atoi(words[5]);
    uint32_t count = 0, all;
    before = flash;
    device_reboot(0, 0);
    device_apply(update, 0);
    all = flash.changes;
    for (uint32_t first = (uint32_t)atoi(words[3]); first <= all; first += step) {
        flash = before;
        const uint32_t second = twice ? 1 + first * 2654435761u % all : 0;
        const enum device_failure failure = device_try(update, old, wanted, first, second);
        count++; /* once: a second cut may come after the end */
        if (failure != DEVICE_FINE) {
            printf("wrong %u %u %d\n", first, second, (int)failure);
        }
    }
    flash = before;
    printf("cuts %u of %u changes\n", count, all);
}

int main(int argc, char **argv)
{
    const struct bytes_of key = load(argv[5]);
    static uint8_t own[40];
    memcpy(own, key.data, sizeof own);
    device_make((uint32_t)atoi(argv[1]), (uint32_t)atoi(argv[2]), (uint32_t)atoi(argv[3]), own, argv[4]);
    for (int at = 6; at < argc;) {
        const char *command = argv[at++];
        before = flash;
        device_reboot(0, 1);
        if (strcmp(command, "apply") == 0) {
            report(device_apply(load(argv[at]), (unsigned)atoi(argv[at + 1])));
            at += 2;
        } else if (strcmp(command, "cut") == 0) {
            device_reboot((uint32_t)atoi(argv[at + 1]), 1);
            report(device_apply(load(argv[at]), 0));
            at += 2;
        } else if (strcmp(command, "revert") == 0) {
            report(device_revert());
        } else if (strcmp(command, "rot") == 0) {
            flash.area[atoi(argv[at]) % 2][(uint32_t)atoi(argv[at + 1]) % DEVICE_LARGEST] ^= 1;
            at += 2;
        } else if (strcmp(command, "runs") == 0) {
            int same;
            const enum ota_result result = device_runs(load(argv[at++]), &same);
            printf("%d %s\n", (int)result, same ? "same" : "other");
        } else {
            cuts(argv + at);
            at += 6;
        }
    }
    return 0;
}
