/* The device on an emulated core: `input` is the first and the second change in which the power fails. `output` is the failure, how
   many changes the update takes without a cut, and the bytes of struct ota_work. */
#include "otadevice.h"

#include "device.h"
#include "ota_trust.h"
#include "releases.h"

static struct device_flash before;
static uint8_t key[40];
static uint32_t changes;

static void make(void)
{
    for (int i = 0; i < 40; i++) {
        key[i] = i < 8 ? ota_key_number[i] : ota_key[i - 8];
    }
    device_make(2048, 8, DEVICE_LARGEST, key, ota_name);
    device_reboot(0, 0);
    device_apply(release_first, 0);
    device_reboot(0, 0);
    device_apply(release_old, 0);
    before = flash;
    device_reboot(0, 0);
    device_apply(release_patch, 0);
    changes = flash.changes;
}

int otadevice_run(const int32_t *input, int32_t *output, uint8_t *arena)
{
    (void)arena;
    if (changes == 0) {
        make();
    }
    flash = before;
    output[0] = device_try(release_patch, image_old, image_wanted, (uint32_t)input[0], (uint32_t)input[1]);
    output[1] = (int32_t)changes;
    output[2] = sizeof(struct ota_work);
    return 0;
}
