/* What the files of the updater know of each other. */
#ifndef EDGEPACK_OTA_INTERNAL_H
#define EDGEPACK_OTA_INTERNAL_H

#include "ota.h"

struct ota_update {
    uint32_t version;
    uint32_t base_size;  /* bytes of the base's header and content; 0: the update is whole */
    uint32_t image_size; /* bytes that are written into the slot */
    uint32_t patch_size;
    uint32_t block_size; /* bytes of the image that are decoded without what was before */
    char name[OTA_NAME + 1];
    uint8_t base_identity[32], image_identity[32];
    uint8_t signature[64];
};

static inline uint32_t ota_load(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* ota_image.c */
enum ota_result ota_read_image(struct ota_work *work, enum ota_area slot, struct ota_image *image);
enum ota_result ota_check_content(struct ota_work *work, enum ota_area slot, const struct ota_image *image);
enum ota_result ota_read_update(struct ota_work *work, struct ota_update *update);
/* The signature behind the first `size` bytes of an area. */
enum ota_result ota_check_signature(struct ota_work *work, enum ota_area area, uint32_t size);
enum ota_result ota_check_port(const struct ota_port *port);

/* ota_marks.c: records of a number and its check, which are written once each, one after the other, in a page. */
struct ota_records {
    enum ota_area area;
    uint32_t offset;      /* of the page */
    const uint8_t *bound; /* 32 bytes that the checks depend on */
    uint32_t highest, found; /* the highest number of a whole record; whether there is one */
    uint32_t next;        /* where the next goes; the page's size when it is full */
};
enum ota_result ota_find_records(struct ota_work *work, struct ota_records *records);
uint32_t ota_most_records(const struct ota_port *port);
/* OTA_TOO_LARGE, and nothing is written, when the page is full. */
enum ota_result ota_add_record(struct ota_work *work, struct ota_records *records, uint32_t number);

/* ota_patch.c: decode the image from byte `from` of it on, which lies on a page, and write it. */
enum ota_result ota_decode(struct ota_work *work, const struct ota_update *update, enum ota_area base, enum ota_area target,
                           uint32_t from, struct ota_records *journal);

#endif
