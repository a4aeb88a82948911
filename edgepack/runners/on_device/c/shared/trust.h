/* What the device trusts: the folder that run_verify.py describes. */
#ifndef EDGEPACK_TRUST_H
#define EDGEPACK_TRUST_H

#include "minisign.h"

#define MOST_TEXT (16u << 10)
#define MOST_MANIFEST (16u << 20)

/* A path, and the content of a file of at most `most` bytes. A file that is missing is an error of the kind `missing`. */
char *join(const char *folder, const char *name);
struct bytes read_file(const char *path, size_t most, const char *missing);
int exists(const char *folder, const char *name);

/* Keep others from changing it until this program ends. */
void lock_trust(const char *folder);

/* Find that the key may sign: "" when it is the device's, "first" when there is none, "changed" when the device's own endorses it. */
const char *admit_key(const char *folder, const struct public_key *key, struct bytes key_file, const char *beside, int rollback);

void refuse_older(const char *folder, const char *name, long long stamp);
void store_trust(const char *folder, const char *name, long long stamp, struct bytes key_file, const char *change);

#endif
