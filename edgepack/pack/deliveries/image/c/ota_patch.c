/* The decoder of patches: bytes that are copied from the base or from what was written, differences to the base, and literals, in
   an adaptive binary range code (Martin 1979; the carry-less decoder of 32 bits that LZMA has). Each block begins anew, so that
   an update goes on in the block where it was cut; what was written there before is decoded again and not written. */
#include "ota_internal.h"

#include <string.h>

enum { LITERAL, EARLIER, COPY, DIFFER };

#define HALF 2048u /* of 4096: a bit of which nothing is known */
#define SPEED 4

struct decoder {
    struct ota_work *work;
    const struct ota_update *update;
    struct ota_records *journal;
    enum ota_area base, target;
    uint32_t range, code;
    uint32_t at, end;             /* of the block, in OTA_UPDATE */
    uint32_t patch_at, base_at;   /* what work->patch and work->base hold; UINT32_MAX: nothing */
    uint32_t position;            /* in the image: the next byte */
    uint32_t from, written;       /* bytes before `from` are there already; bytes before `written` are out of the buffer */
    uint32_t shift;               /* of the base against the image, modulo 2^32 */
    enum ota_result result;       /* the first failure; zeros are decoded after it */
};

static void fail(struct decoder *d, enum ota_result result)
{
    if (d->result == OTA_OK) {
        d->result = result;
    }
}

static uint8_t cached(struct decoder *d, enum ota_area area, uint32_t offset, uint32_t size, uint8_t cache[32], uint32_t *at)
{
    const uint32_t start = offset & ~31u;
    if (*at != start) {
        const struct ota_port *port = d->work->port;
        *at = start;
        if (port->read(port->context, area, start, cache, size - start < 32 ? size - start : 32) != 0) {
            fail(d, OTA_FLASH);
        }
    }
    return cache[offset & 31u];
}

static uint8_t next_byte(struct decoder *d)
{
    if (d->at >= d->end) {
        fail(d, OTA_DAMAGED);
        return 0;
    }
    return cached(d, OTA_UPDATE, d->at++, OTA_HEADER + d->update->patch_size, d->work->patch, &d->patch_at);
}

static uint8_t base_byte(struct decoder *d, uint32_t offset)
{
    if (offset >= d->update->base_size) {
        fail(d, OTA_DAMAGED);
        return 0;
    }
    return cached(d, d->base, offset, d->update->base_size, d->work->base, &d->base_at);
}

static void normalize(struct decoder *d)
{
    while (d->range < 1u << 24) {
        d->range <<= 8;
        d->code = d->code << 8 | next_byte(d);
    }
}

static unsigned bit(struct decoder *d, uint16_t *chance)
{
    normalize(d);
    const uint32_t bound = (d->range >> 12) * *chance;
    if (d->code < bound) {
        d->range = bound;
        *chance = (uint16_t)(*chance + ((4096u - *chance) >> SPEED));
        return 0;
    }
    d->range -= bound;
    d->code -= bound;
    *chance = (uint16_t)(*chance - (*chance >> SPEED));
    return 1;
}

static uint32_t plain_bits(struct decoder *d, unsigned count)
{
    uint32_t value = 0;
    while (count-- > 0) {
        normalize(d);
        d->range >>= 1;
        const uint32_t one = d->code >= d->range;
        d->code -= one ? d->range : 0;
        value = value << 1 | one;
    }
    return value;
}

/* `bits` bits, each by the chance that those before it lead to. */
static unsigned tree(struct decoder *d, uint16_t *chances, unsigned bits)
{
    unsigned node = 1;
    for (unsigned i = 0; i < bits; i++) {
        node = node << 1 | bit(d, &chances[node]);
    }
    return node - (1u << bits);
}

/* A number from 1 on: how many bits follow its first, and these. */
static uint32_t number(struct decoder *d, uint16_t chances[32])
{
    const unsigned bits = tree(d, chances, 5);
    return 1u << bits | plain_bits(d, bits);
}

/* So many pages are written. Not every one is noted where the journal has no room for twice as many. */
static enum ota_result note_page(struct decoder *d, uint32_t pages)
{
    const struct ota_port *port = d->work->port;
    const uint32_t all = (d->update->image_size + port->page - 1) / port->page;
    if (pages % (2 * all / ota_most_records(port) + 1) != 0 && pages != all) {
        return OTA_OK;
    }
    const enum ota_result result = ota_add_record(d->work, d->journal, pages);
    return result == OTA_TOO_LARGE ? OTA_OK : result; /* full of torn records: a cut costs more time */
}

static void flush(struct decoder *d)
{
    struct ota_work *work = d->work;
    const struct ota_port *port = work->port;
    const uint32_t filled = d->position - d->written, whole = (filled + port->granule - 1) / port->granule * port->granule;
    uint32_t done = 0;
    memset(work->buffer + filled, 0xff, whole - filled);
    while (d->result == OTA_OK && done < whole) {
        const uint32_t at = d->written + done, left = port->page - at % port->page;
        const uint32_t part = whole - done < left ? whole - done : left;
        if (at % port->page == 0 && port->erase(port->context, d->target, at) != 0) {
            fail(d, OTA_FLASH);
        } else if (port->write(port->context, d->target, at, work->buffer + done, part) != 0) {
            fail(d, OTA_FLASH);
        } else if (part == left || d->position == d->update->image_size) {
            fail(d, note_page(d, at / port->page + 1));
        }
        done += part;
    }
    d->written = d->position;
}

static void put(struct decoder *d, uint8_t byte)
{
    if (d->position >= d->from) {
        d->work->buffer[d->position - d->written] = byte;
        d->position++;
        if (d->position - d->written == OTA_BUFFER || d->position == d->update->image_size) {
            flush(d);
        }
    } else {
        d->position++;
    }
}

static uint8_t earlier_byte(struct decoder *d, uint32_t distance)
{
    const struct ota_port *port = d->work->port;
    const uint32_t at = d->position - distance;
    uint8_t byte = 0;
    if (distance > d->position) {
        fail(d, OTA_DAMAGED);
    } else if (at >= d->written) {
        return d->work->buffer[at - d->written];
    } else if (port->read(port->context, d->target, at, &byte, 1) != 0) {
        fail(d, OTA_FLASH);
    }
    return byte;
}

static void seek(struct decoder *d, unsigned operation)
{
    struct ota_models *models = &d->work->models;
    if (bit(d, &models->seek[operation])) {
        const uint32_t back = plain_bits(d, 1), far = number(d, models->far);
        d->shift = back ? d->shift - far : d->shift + far;
    }
}

static uint8_t difference(struct decoder *d, unsigned *history)
{
    struct ota_models *models = &d->work->models;
    const unsigned differs = bit(d, &models->same[*history]);
    *history = (*history << 1 | differs) & 3u;
    return differs ? (uint8_t)tree(d, models->difference, 8) : 0;
}

static unsigned operate(struct decoder *d, unsigned before, uint32_t block_end)
{
    struct ota_models *models = &d->work->models;
    const unsigned operation = tree(d, models->operation[before], 2);
    uint32_t distance = 0;
    unsigned history = 0;
    if (operation == COPY || operation == DIFFER) {
        seek(d, operation);
    } else if (operation == EARLIER) {
        distance = number(d, models->distance);
    }
    uint32_t count = number(d, models->length[operation]);
    if (count > block_end - d->position) {
        fail(d, OTA_DAMAGED);
    }
    for (; count > 0 && d->result == OTA_OK; count--) {
        if (operation == LITERAL) {
            put(d, (uint8_t)tree(d, models->literal, 8));
        } else if (operation == EARLIER) {
            put(d, earlier_byte(d, distance));
        } else {
            const uint8_t change = operation == DIFFER ? difference(d, &history) : 0;
            put(d, (uint8_t)(base_byte(d, d->position + d->shift) + change));
        }
    }
    return operation;
}

static void decode_block(struct decoder *d, uint32_t block_end)
{
    uint16_t *chances = (uint16_t *)(void *)&d->work->models;
    unsigned operation = LITERAL;
    for (uint32_t i = 0; i < sizeof d->work->models / sizeof *chances; i++) {
        chances[i] = HALF;
    }
    d->shift = 0;
    d->range = UINT32_MAX;
    for (int i = 0; i < 4; i++) {
        d->code = d->code << 8 | next_byte(d);
    }
    while (d->position < block_end && d->result == OTA_OK) {
        operation = operate(d, operation, block_end);
    }
}

enum ota_result ota_decode(struct ota_work *work, const struct ota_update *update, enum ota_area base, enum ota_area target,
                           uint32_t from, struct ota_records *journal)
{
    struct decoder d = {work, update, journal, base, target, 0, 0, OTA_HEADER, 0, UINT32_MAX, UINT32_MAX, 0, from, from, 0, OTA_OK};
    const uint32_t patch_end = OTA_HEADER + update->patch_size;
    uint32_t next = OTA_HEADER;
    while (d.position < update->image_size && d.result == OTA_OK) {
        const uint32_t left = update->image_size - d.position;
        const uint32_t size = left < update->block_size ? left : update->block_size;
        uint32_t bytes = 0;
        d.at = next;
        d.end = patch_end;
        for (int i = 0; i < 4; i++) {
            bytes |= (uint32_t)next_byte(&d) << 8 * i;
        }
        if (d.result != OTA_OK || bytes > patch_end - d.at) {
            return d.result != OTA_OK ? d.result : OTA_DAMAGED;
        }
        next = d.end = d.at + bytes;
        if (d.position + size > from) {
            decode_block(&d, d.position + size);
        } else {
            d.position += size;
        }
    }
    return d.result;
}
