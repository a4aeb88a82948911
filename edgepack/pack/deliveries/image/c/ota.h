/* Updates of an image that is kept in two slots of flash: verified, resumed after a power cut, and never without an image.

   Portable C99: no allocation, no C library but memcpy, memmove, memset and memcmp. One `struct ota_work` is all the memory beside
   the stack.

   What lies where:
     slot A, slot B  an image from the start on, and in the last page the marks that say that it is valid and which is newer
     journal         one page: how far an update is
     update          the update as it came, written there by the application

   An image is a header of OTA_HEADER bytes, its content, and a signature of OTA_SIGNATURE bytes; docs/guides/ota.md has the formats. */
#ifndef EDGEPACK_OTA_H
#define EDGEPACK_OTA_H

#include <stdint.h>

#include "blake2b.h"
#include "sha256.h"

#define OTA_HEADER 128u   /* bytes before an image's content, and before an update's patch */
#define OTA_SIGNATURE 72u /* bytes after it: the key's number and the Ed25519 signature */
#define OTA_NAME 24u
#define OTA_LARGEST_GRANULE 32u

#ifndef OTA_BUFFER
#define OTA_BUFFER 256u /* bytes that are written at once: a multiple of the granule that divides the page */
#endif

enum ota_area { OTA_SLOT_A, OTA_SLOT_B, OTA_JOURNAL, OTA_UPDATE };

enum ota_result {
    OTA_OK,
    OTA_CURRENT,     /* the update's image runs already: nothing was done */
    OTA_NO_IMAGE,    /* no slot holds a valid image */
    OTA_FLASH,       /* the flash could not be read, erased or written: call again */
    OTA_DAMAGED,     /* no update, or one that arrived damaged */
    OTA_UNTRUSTED,   /* the signature is wrong: the bytes were changed, or it is by another key */
    OTA_OTHER_MODEL, /* an update for another name */
    OTA_OTHER_BASE,  /* a patch for another image than the one that runs */
    OTA_OLDER,       /* its version is not above the running one */
    OTA_TOO_LARGE    /* the image does not fit into a slot */
};

/* The board's flash and what the device trusts. Functions return 0 when all was done. Erased flash reads 0xFF. */
struct ota_port {
    void *context;
    uint32_t page;        /* bytes that are erased at once, at least 128 */
    uint32_t granule;     /* bytes that are written at once, a power of two up to 32; each is written once between erasures */
    uint32_t slot_size;   /* bytes of each slot, whole pages; the last is for the marks */
    uint32_t update_size; /* bytes of the area that an update lies in */
    int (*read)(void *context, enum ota_area area, uint32_t offset, uint8_t *data, uint32_t size);
    int (*erase)(void *context, enum ota_area area, uint32_t offset); /* the page that begins there */
    int (*write)(void *context, enum ota_area area, uint32_t offset, const uint8_t *data, uint32_t size); /* whole granules */
    const uint8_t *key_number; /* 8 bytes, as minisign has it */
    const uint8_t *key;        /* 32 bytes: the Ed25519 public key */
    const char *name;          /* only images of this name are taken */
};

struct ota_image {
    uint32_t version;
    uint32_t content_size;
    char name[OTA_NAME + 1];
    uint8_t content_sha256[32];
    uint8_t model_sha256[32]; /* of the .tflite that it holds or was built from */
    uint8_t identity[32];     /* SHA-256 of the header */
};

/* The slot to run, and the content's place in it: OTA_HEADER on. */
struct ota_choice {
    enum ota_area slot;
    struct ota_image image;
    uint32_t sequence;
};

/* The decoder of a patch: ota_patch.c. */
struct ota_models {
    uint16_t operation[4][4], length[4][32], distance[32], seek[4], far[32], literal[256], same[4], difference[256];
};

struct ota_work {
    const struct ota_port *port;
    struct ota_models models;
    struct sha256 sha256;
    struct blake2b blake2b;
    uint8_t buffer[OTA_BUFFER]; /* of the image: what is not written yet */
    uint8_t patch[32], base[32];
};

enum { OTA_ALLOW_OLDER = 1 };

/* The valid image with the newest mark, its content checked by its SHA-256. OTA_OK or OTA_NO_IMAGE. */
enum ota_result ota_choose(const struct ota_port *port, struct ota_work *work, struct ota_choice *choice);

/* Apply the update in OTA_UPDATE: write the slot that does not run, verify it, mark it. After OTA_OK reset, or call ota_choose.
   Whatever is refused before that leaves both slots as they are. Call it again after a power cut: it goes on where it was. */
enum ota_result ota_apply(const struct ota_port *port, struct ota_work *work, unsigned flags);

/* Go back to the image in the other slot, which is verified first, its signature too. OTA_TOO_LARGE when its page of marks is full:
   it takes as many as records of 8 bytes, or a granule, fit into it. */
enum ota_result ota_revert(const struct ota_port *port, struct ota_work *work);

#endif
