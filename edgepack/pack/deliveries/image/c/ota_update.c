/* Which slot runs, and how an update gets into the other. */
#include "ota_internal.h"

#include <string.h>

static enum ota_area other(enum ota_area slot)
{
    return slot == OTA_SLOT_A ? OTA_SLOT_B : OTA_SLOT_A;
}

static int same_name(const char *one, const char *two)
{
    uint32_t i = 0;
    while (i < OTA_NAME && one[i] == two[i] && one[i] != 0) {
        i++;
    }
    return i == OTA_NAME || one[i] == two[i];
}

static struct ota_records marks_of(const struct ota_port *port, enum ota_area slot, const uint8_t *identity)
{
    const struct ota_records marks = {slot, port->slot_size - port->page, identity, 0, 0, 0};
    return marks;
}

/* A slot's newest mark and its image; OTA_NO_IMAGE when it has no mark, or another image than was marked. */
static enum ota_result read_slot(struct ota_work *work, enum ota_area slot, struct ota_choice *found)
{
    enum ota_result result = ota_read_image(work, slot, &found->image);
    if (result != OTA_OK) {
        return result;
    }
    struct ota_records marks = marks_of(work->port, slot, found->image.identity);
    result = ota_find_records(work, &marks);
    found->slot = slot;
    found->sequence = marks.highest;
    return result != OTA_OK || marks.found ? result : OTA_NO_IMAGE;
}

enum ota_result ota_choose(const struct ota_port *port, struct ota_work *work, struct ota_choice *choice)
{
    struct ota_choice second;
    work->port = port;
    if (ota_check_port(port) != OTA_OK) {
        return OTA_FLASH;
    }
    enum ota_result first_result = read_slot(work, OTA_SLOT_A, choice);
    enum ota_result second_result = read_slot(work, OTA_SLOT_B, &second);
    if (first_result == OTA_FLASH || second_result == OTA_FLASH) {
        return OTA_FLASH;
    }
    if (second_result == OTA_OK && (first_result != OTA_OK || second.sequence > choice->sequence)) {
        const struct ota_choice swap = *choice;
        const enum ota_result swapped = first_result;
        *choice = second;
        second = swap;
        first_result = second_result;
        second_result = swapped;
    }
    if (first_result == OTA_OK && ota_check_content(work, choice->slot, &choice->image) == OTA_OK) {
        return OTA_OK;
    }
    if (second_result == OTA_OK && ota_check_content(work, second.slot, &second.image) == OTA_OK) {
        *choice = second;
        return OTA_OK;
    }
    return OTA_NO_IMAGE;
}

/* Whether the update is for this device and for what runs on it. */
static enum ota_result check_fit(const struct ota_port *port, const struct ota_update *update, const struct ota_choice *running,
                                 unsigned flags)
{
    if (!same_name(update->name, port->name)) {
        return OTA_OTHER_MODEL;
    }
    if (update->image_size > port->slot_size - port->page) {
        return OTA_TOO_LARGE;
    }
    if (running == NULL) {
        return update->base_size == 0 ? OTA_OK : OTA_OTHER_BASE;
    }
    if (memcmp(update->image_identity, running->image.identity, 32) == 0) {
        return OTA_CURRENT;
    }
    if (update->version <= running->image.version && (flags & OTA_ALLOW_OLDER) == 0) {
        return OTA_OLDER;
    }
    if (update->base_size != 0 && (update->base_size != OTA_HEADER + running->image.content_size ||
                                   memcmp(update->base_identity, running->image.identity, 32) != 0)) {
        return OTA_OTHER_BASE;
    }
    return OTA_OK;
}

/* Whether the slot holds what the update promised, by its own signature. */
static enum ota_result check_written(struct ota_work *work, const struct ota_update *update, enum ota_area slot,
                                     struct ota_image *image)
{
    enum ota_result result = ota_read_image(work, slot, image);
    if (result != OTA_OK) {
        return result == OTA_NO_IMAGE ? OTA_DAMAGED : result;
    }
    if (memcmp(image->identity, update->image_identity, 32) != 0 || image->version != update->version ||
        !same_name(image->name, update->name) ||
        image->content_size + OTA_HEADER + OTA_SIGNATURE != update->image_size) {
        return OTA_DAMAGED;
    }
    result = ota_check_content(work, slot, image);
    return result == OTA_OK ? ota_check_signature(work, slot, OTA_HEADER + image->content_size) : result;
}

/* What the journal's records are bound to: this update, into this slot, after this sequence. A record of another is none. */
static void bind_journal(struct ota_work *work, const struct ota_update *update, enum ota_area slot, uint32_t sequence,
                         uint8_t bound[32])
{
    const uint8_t place[5] = {(uint8_t)slot, (uint8_t)sequence, (uint8_t)(sequence >> 8), (uint8_t)(sequence >> 16),
                              (uint8_t)(sequence >> 24)};
    sha256_begin(&work->sha256);
    sha256_add(&work->sha256, update->signature, sizeof update->signature);
    sha256_add(&work->sha256, update->image_identity, 32);
    sha256_add(&work->sha256, place, sizeof place);
    sha256_end(&work->sha256, bound);
}

/* Trust the update, then take the slot's marks away, then begin the journal: in this order, for a cut may come between any two. */
static enum ota_result begin(struct ota_work *work, const struct ota_update *update, enum ota_area target,
                             struct ota_records *journal)
{
    const struct ota_port *port = work->port;
    const enum ota_result result = ota_check_signature(work, OTA_UPDATE, OTA_HEADER + update->patch_size);
    if (result != OTA_OK) {
        return result;
    }
    if (port->erase(port->context, target, port->slot_size - port->page) != 0) {
        return OTA_FLASH;
    }
    if (port->erase(port->context, OTA_JOURNAL, 0) != 0) {
        return OTA_FLASH;
    }
    journal->next = 0;
    journal->found = 1;
    return ota_add_record(work, journal, 0);
}

static enum ota_result write_slot(struct ota_work *work, const struct ota_update *update, enum ota_area base,
                                  enum ota_area target, uint32_t sequence)
{
    const struct ota_port *port = work->port;
    uint8_t bound[32];
    struct ota_image image;
    bind_journal(work, update, target, sequence, bound);
    struct ota_records journal = {OTA_JOURNAL, 0, bound, 0, 0, 0};
    enum ota_result result = ota_find_records(work, &journal);
    if (result == OTA_OK && !journal.found) {
        result = begin(work, update, target, &journal);
    }
    if (result == OTA_OK && journal.highest < (update->image_size + port->page - 1) / port->page) {
        result = ota_decode(work, update, base, target, journal.highest * port->page, &journal);
    }
    if (result == OTA_OK) {
        result = check_written(work, update, target, &image);
    }
    if (result == OTA_OK) {
        struct ota_records marks = marks_of(port, target, image.identity);
        result = ota_find_records(work, &marks);
        result = result == OTA_OK ? ota_add_record(work, &marks, sequence + 1) : result;
    }
    if (result != OTA_OK && result != OTA_FLASH && journal.found) { /* what is written is worth nothing: the next call begins anew */
        port->erase(port->context, OTA_JOURNAL, 0);
    }
    return result;
}

enum ota_result ota_apply(const struct ota_port *port, struct ota_work *work, unsigned flags)
{
    struct ota_choice running;
    struct ota_update update;
    const enum ota_result chosen = ota_choose(port, work, &running);
    if (chosen == OTA_FLASH) {
        return chosen;
    }
    const int runs = chosen == OTA_OK;
    enum ota_result result = ota_read_update(work, &update);
    if (result == OTA_OK) {
        result = check_fit(port, &update, runs ? &running : NULL, flags);
    }
    if (result != OTA_OK) {
        return result;
    }
    const enum ota_area base = runs ? running.slot : OTA_SLOT_B;
    return write_slot(work, &update, base, other(base), runs ? running.sequence : 0);
}

enum ota_result ota_revert(const struct ota_port *port, struct ota_work *work)
{
    struct ota_choice running, before;
    enum ota_result result = ota_choose(port, work, &running);
    if (result != OTA_OK) {
        return result;
    }
    const uint32_t sequence = running.sequence + 1;
    result = read_slot(work, other(running.slot), &before);
    if (result == OTA_OK) {
        result = ota_check_content(work, before.slot, &before.image);
    }
    if (result == OTA_OK) {
        result = ota_check_signature(work, before.slot, OTA_HEADER + before.image.content_size);
    }
    if (result != OTA_OK) {
        return result == OTA_DAMAGED ? OTA_NO_IMAGE : result;
    }
    struct ota_records marks = marks_of(port, before.slot, before.image.identity);
    result = ota_find_records(work, &marks);
    return result == OTA_OK ? ota_add_record(work, &marks, sequence) : result;
}
