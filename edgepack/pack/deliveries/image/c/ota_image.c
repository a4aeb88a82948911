/* Headers and signatures, as edgepack/pack/deliveries/image/ writes them. */
#include "ota_internal.h"

#include <string.h>

#include "ed25519.h"

static int is_name(const uint8_t *name)
{
    return name[0] != 0 && name[0] != 0xff;
}

enum ota_result ota_check_port(const struct ota_port *port)
{
    const uint32_t granule = port->granule;
    if (granule == 0 || granule > OTA_LARGEST_GRANULE || (granule & (granule - 1)) != 0 || port->page < 128 ||
        OTA_BUFFER % granule != 0 || port->page % granule != 0 || (port->page % OTA_BUFFER != 0 && OTA_BUFFER % port->page != 0) ||
        port->slot_size % port->page != 0 ||
        port->slot_size < 2 * port->page) {
        return OTA_FLASH;
    }
    return OTA_OK;
}

enum ota_result ota_read_image(struct ota_work *work, enum ota_area slot, struct ota_image *image)
{
    const struct ota_port *port = work->port;
    uint8_t header[OTA_HEADER];
    if (port->read(port->context, slot, 0, header, sizeof header) != 0) {
        return OTA_FLASH;
    }
    image->version = ota_load(header + 8);
    image->content_size = ota_load(header + 12);
    if (memcmp(header, "EPIM\1\0\x80\0", 8) != 0 || !is_name(header + 16) ||
        image->content_size > port->slot_size - port->page ||
        image->content_size + OTA_HEADER + OTA_SIGNATURE > port->slot_size - port->page) {
        return OTA_NO_IMAGE;
    }
    memcpy(image->name, header + 16, OTA_NAME);
    image->name[OTA_NAME] = 0;
    memcpy(image->content_sha256, header + 40, 32);
    memcpy(image->model_sha256, header + 72, 32);
    sha256_begin(&work->sha256);
    sha256_add(&work->sha256, header, sizeof header);
    sha256_end(&work->sha256, image->identity);
    return OTA_OK;
}

enum hash { SHA256, BLAKE2B };

static enum ota_result hash_area(struct ota_work *work, enum hash kind, enum ota_area area, uint32_t offset, uint32_t size)
{
    const struct ota_port *port = work->port;
    sha256_begin(&work->sha256);
    blake2b_begin(&work->blake2b);
    while (size > 0) {
        const uint32_t part = size < OTA_BUFFER ? size : OTA_BUFFER;
        if (port->read(port->context, area, offset, work->buffer, part) != 0) {
            return OTA_FLASH;
        }
        if (kind == SHA256) {
            sha256_add(&work->sha256, work->buffer, part);
        } else {
            blake2b_add(&work->blake2b, work->buffer, part);
        }
        offset += part;
        size -= part;
    }
    return OTA_OK;
}

enum ota_result ota_check_content(struct ota_work *work, enum ota_area slot, const struct ota_image *image)
{
    uint8_t digest[32];
    const enum ota_result result = hash_area(work, SHA256, slot, OTA_HEADER, image->content_size);
    if (result != OTA_OK) {
        return result;
    }
    sha256_end(&work->sha256, digest);
    return memcmp(digest, image->content_sha256, sizeof digest) == 0 ? OTA_OK : OTA_DAMAGED;
}

enum ota_result ota_check_signature(struct ota_work *work, enum ota_area area, uint32_t size)
{
    const struct ota_port *port = work->port;
    uint8_t digest[64], signature[OTA_SIGNATURE];
    const enum ota_result result = hash_area(work, BLAKE2B, area, 0, size);
    if (result != OTA_OK || port->read(port->context, area, size, signature, sizeof signature) != 0) {
        return OTA_FLASH;
    }
    blake2b_end(&work->blake2b, digest);
    if (memcmp(signature, port->key_number, 8) != 0 || !ed25519_verify(port->key, digest, sizeof digest, signature + 8)) {
        return OTA_UNTRUSTED;
    }
    return OTA_OK;
}

enum ota_result ota_read_update(struct ota_work *work, struct ota_update *update)
{
    const struct ota_port *port = work->port;
    uint8_t header[OTA_HEADER];
    if (port->read(port->context, OTA_UPDATE, 0, header, sizeof header) != 0) {
        return OTA_FLASH;
    }
    update->version = ota_load(header + 8);
    update->base_size = ota_load(header + 12);
    update->image_size = ota_load(header + 16);
    update->patch_size = ota_load(header + 20);
    update->block_size = ota_load(header + 24);
    memcpy(update->name, header + 32, OTA_NAME);
    update->name[OTA_NAME] = 0;
    memcpy(update->base_identity, header + 56, 32);
    memcpy(update->image_identity, header + 88, 32);
    if (memcmp(header, "EPUP\1\0\x80\0", 8) != 0 || !is_name(header + 32) || port->update_size < OTA_HEADER + OTA_SIGNATURE ||
        update->patch_size > port->update_size - OTA_HEADER - OTA_SIGNATURE || update->block_size == 0 ||
        update->image_size < OTA_HEADER + OTA_SIGNATURE) {
        return OTA_DAMAGED;
    }
    return port->read(port->context, OTA_UPDATE, OTA_HEADER + update->patch_size + 8, update->signature, 64) == 0 ? OTA_OK
                                                                                                                  : OTA_FLASH;
}
