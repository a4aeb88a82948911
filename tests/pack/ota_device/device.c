#include "device.h"

#include <string.h>

struct device_flash flash;
struct ota_work work;
static struct ota_port port;

static uint32_t next_random(void)
{
    flash.random = flash.random * 1664525u + 1013904223u;
    return flash.random >> 8;
}

static int flash_read(void *context, enum ota_area area, uint32_t offset, uint8_t *data, uint32_t size)
{
    (void)context;
    if (flash.dead) {
        return 1;
    }
    if (size > DEVICE_LARGEST || offset > DEVICE_LARGEST - size) {
        flash.violated = 1;
        return 1;
    }
    memcpy(data, flash.area[area] + offset, size);
    return 0;
}

/* Whether this change is the one in which the power fails. */
static int fails(void)
{
    flash.changes++;
    if (flash.changes == flash.cut_at) {
        flash.dead = 1;
    }
    return flash.dead;
}

/* Of a torn erasure a part is erased, a part is as it was, and in the rest any bits have become 1. */
static int flash_erase(void *context, enum ota_area area, uint32_t offset)
{
    (void)context;
    const uint32_t size = area == OTA_JOURNAL ? flash.page : flash.slot_size;
    if (flash.dead) {
        return 1;
    }
    if (offset % flash.page != 0 || offset >= size || area == OTA_UPDATE) {
        flash.violated = 1;
        return 1;
    }
    if (!fails()) {
        memset(flash.area[area] + offset, 0xff, flash.page);
        memset(flash.written[area] + offset, 0, flash.page);
        return 0;
    }
    const uint32_t erased = next_random() % (flash.page + 1), mixed = next_random() % (flash.page + 1);
    memset(flash.written[area] + offset, 1, flash.page); /* nothing may be written before it was erased whole */
    for (uint32_t i = 0; i < flash.page; i++) {
        uint8_t *byte = &flash.area[area][offset + i];
        *byte = (uint8_t)(i < erased ? 0xffu : i < mixed ? *byte | next_random() : *byte);
    }
    return 1;
}

/* Of a torn write any of the bits that should become 0 have. */
static int write_granule(enum ota_area area, uint32_t offset, const uint8_t *data)
{
    const int torn = fails();
    const uint32_t kind = torn ? next_random() % 4 : 3; /* nothing, any bits, any bits, all */
    for (uint32_t i = 0; i < flash.granule; i++) {
        uint8_t *byte = &flash.area[area][offset + i];
        if (flash.written[area][offset + i] || *byte != 0xff) {
            flash.violated = 1;
        }
        const uint8_t kept = (uint8_t)(kind == 0 ? 0xffu : kind == 3 ? 0 : next_random());
        *byte &= (uint8_t)(data[i] | kept);
    }
    uint8_t blank = 0xff;
    for (uint32_t i = 0; i < flash.granule; i++) {
        blank &= flash.area[area][offset + i];
    }
    memset(flash.written[area] + offset, !torn || blank != 0xff, flash.granule);
    return torn;
}

static int flash_write(void *context, enum ota_area area, uint32_t offset, const uint8_t *data, uint32_t size)
{
    (void)context;
    const uint32_t end = area == OTA_JOURNAL ? flash.page : flash.slot_size;
    if (flash.dead) {
        return 1;
    }
    if (size % flash.granule != 0 || offset % flash.granule != 0 || size > end || offset > end - size || area == OTA_UPDATE) {
        flash.violated = 1;
        return 1;
    }
    for (uint32_t done = 0; done < size; done += flash.granule) {
        if (write_granule(area, offset + done, data + done) != 0) {
            return 1;
        }
    }
    return 0;
}

void device_make(uint32_t page, uint32_t granule, uint32_t slot_size, const uint8_t *key, const char *name)
{
    const struct ota_port made = {NULL, page, granule, slot_size, DEVICE_LARGEST, flash_read, flash_erase, flash_write, key, key + 8, name};
    port = made;
    memset(&flash, 0, sizeof flash);
    memset(flash.area, 0x5a, sizeof flash.area); /* what no page was erased of holds anything */
    memset(flash.written, 1, sizeof flash.written);
    flash.page = page;
    flash.granule = granule;
    flash.slot_size = slot_size;
}

void device_reboot(uint32_t cut_at, uint32_t random)
{
    flash.dead = 0;
    flash.changes = 0;
    flash.cut_at = cut_at;
    flash.random = random;
    memset(&work, 0xa5, sizeof work);
}

enum ota_result device_apply(struct bytes_of update, unsigned flags)
{
    memset(flash.area[OTA_UPDATE], 0xff, DEVICE_LARGEST);
    memcpy(flash.area[OTA_UPDATE], update.data, update.size);
    return ota_apply(&port, &work, flags);
}

enum ota_result device_revert(void)
{
    return ota_revert(&port, &work);
}

enum ota_result device_runs(struct bytes_of image, int *same)
{
    struct ota_choice choice;
    const enum ota_result result = ota_choose(&port, &work, &choice);
    *same = result == OTA_OK && memcmp(flash.area[choice.slot], image.data, image.size) == 0;
    return result;
}

static enum device_failure after_cut(struct bytes_of old, struct bytes_of wanted)
{
    int is_old, is_wanted;
    device_reboot(0, 0);
    const enum ota_result result = device_runs(old, &is_old);
    device_runs(wanted, &is_wanted);
    return result != OTA_OK ? DEVICE_BRICK : is_old || is_wanted ? DEVICE_FINE : DEVICE_WRONG;
}

enum device_failure device_try(struct bytes_of update, struct bytes_of old, struct bytes_of wanted, uint32_t first, uint32_t second)
{
    const uint32_t cuts[2] = {first, second};
    struct ota_choice choice;
    int same;
    device_reboot(0, 0);
    if (ota_choose(&port, &work, &choice) != OTA_OK) {
        return DEVICE_BRICK;
    }
    for (int i = 0; i < 2; i++) {
        device_reboot(cuts[i], first * 2654435761u + second);
        if (cuts[i] != 0) {
            device_apply(update, 0);
            const enum device_failure failure = after_cut(old, wanted);
            if (failure != DEVICE_FINE) {
                return failure;
            }
        }
    }
    device_reboot(0, 0);
    const enum ota_result result = device_apply(update, 0);
    if ((result != OTA_OK && result != OTA_CURRENT) || device_runs(wanted, &same) != OTA_OK || !same) {
        return DEVICE_UNFINISHED;
    }
    if (memcmp(flash.area[choice.slot], old.data, old.size) != 0) {
        return DEVICE_TOUCHED;
    }
    return flash.violated ? DEVICE_VIOLATED : DEVICE_FINE;
}
