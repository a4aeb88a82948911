/* Records that survive a torn write: each is a number and a check of it, and a torn one has no right check. What was torn is never
   written again before the page is erased. */
#include "ota_internal.h"

#include <string.h>

static uint32_t record_size(const struct ota_port *port)
{
    return port->granule < 8 ? 8 : port->granule;
}

uint32_t ota_most_records(const struct ota_port *port)
{
    return port->page / record_size(port);
}

static void encode(struct ota_work *work, const struct ota_records *records, uint32_t number, uint8_t record[8])
{
    uint8_t digest[32];
    for (int i = 0; i < 4; i++) {
        record[i] = (uint8_t)(number >> 8 * i);
    }
    sha256_begin(&work->sha256);
    sha256_add(&work->sha256, record, 4);
    sha256_add(&work->sha256, records->bound, 32);
    sha256_end(&work->sha256, digest);
    memcpy(record + 4, digest, 4);
}

static int is_blank(const uint8_t *bytes, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++) {
        if (bytes[i] != 0xff) {
            return 0;
        }
    }
    return 1;
}

enum ota_result ota_find_records(struct ota_work *work, struct ota_records *records)
{
    const struct ota_port *port = work->port;
    const uint32_t size = record_size(port);
    uint8_t record[OTA_LARGEST_GRANULE], right[8];
    records->found = 0;
    records->highest = 0;
    records->next = 0;
    for (uint32_t at = 0; at < port->page; at += size) {
        if (port->read(port->context, records->area, records->offset + at, record, size) != 0) {
            return OTA_FLASH;
        }
        if (is_blank(record, size)) {
            continue;
        }
        records->next = at + size;
        encode(work, records, ota_load(record), right);
        if (memcmp(record, right, sizeof right) == 0 && ota_load(record) >= records->highest) {
            records->highest = ota_load(record);
            records->found = 1;
        }
    }
    return OTA_OK;
}

enum ota_result ota_add_record(struct ota_work *work, struct ota_records *records, uint32_t number)
{
    const struct ota_port *port = work->port;
    uint8_t record[OTA_LARGEST_GRANULE];
    if (records->next >= port->page) {
        return OTA_TOO_LARGE;
    }
    memset(record, 0xff, sizeof record);
    encode(work, records, number, record);
    if (port->write(port->context, records->area, records->offset + records->next, record, record_size(port)) != 0) {
        return OTA_FLASH;
    }
    records->next += record_size(port);
    return OTA_OK;
}
