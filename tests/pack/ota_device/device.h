/* A device with two slots, whose power fails in the middle of any change of its flash. Runs on this machine and on emulated cores. */
#ifndef OTA_DEVICE_H
#define OTA_DEVICE_H

#include "ota.h"

#ifndef DEVICE_LARGEST
#define DEVICE_LARGEST (1u << 18) /* bytes of a slot, and of the area for the update */
#endif

struct bytes_of {
    const uint8_t *data;
    uint32_t size;
};

/* What happened to the flash, and the flash: four areas, and which granules were written since they were erased. */
struct device_flash {
    uint8_t area[4][DEVICE_LARGEST];
    uint8_t written[4][DEVICE_LARGEST];
    uint32_t page, granule, slot_size;
    uint32_t changes, cut_at; /* erasures and writes of granules so far; the one that the power fails in, 0: none */
    uint32_t random;
    int dead;                 /* the power failed: nothing works until device_reboot */
    int violated;             /* something was done that real flash forbids */
};

enum device_failure {
    DEVICE_FINE,
    DEVICE_BRICK,      /* after a cut no slot can be run */
    DEVICE_WRONG,      /* after a cut something runs that is neither the old image nor the new one */
    DEVICE_TOUCHED,    /* the slot that ran was changed */
    DEVICE_UNFINISHED, /* called again, the update was not completed */
    DEVICE_VIOLATED
};

extern struct device_flash flash;
extern struct ota_work work;

void device_make(uint32_t page, uint32_t granule, uint32_t slot_size, const uint8_t *key, const char *name);
void device_reboot(uint32_t cut_at, uint32_t random);
/* The update arrives and is applied. */
enum ota_result device_apply(struct bytes_of update, unsigned flags);
enum ota_result device_revert(void);
/* Whether the running image is these bytes; OTA_NO_IMAGE when none runs. */
enum ota_result device_runs(struct bytes_of image, int *same);

/* Apply the update with the power failing in change `first`, again with it failing in `second` (0: not), and again until it is
   done. The device runs `old` before; the state after is that before the call with the update applied. */
enum device_failure device_try(struct bytes_of update, struct bytes_of old, struct bytes_of wanted, uint32_t first, uint32_t second);

#endif
