/* Whether a signed release may become current: its signature, its key, its age and every one of its files. The rules, and what is
   in the folder of what the device trusts, are those of run_verify.py. */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "json.h"
#include "runner.h"
#include "sha256.h"
#include "trust.h"

struct entry {
    char *name, *sha256;
    long long bytes;
    struct entry *next;
};

static struct entry *read_entry(struct json *json, char *name, struct entry *next)
{
    struct entry *entry = allocate(sizeof *entry);
    char *key;
    int first = 1;
    *entry = (struct entry){name, NULL, -1, next};
    json_object(json);
    while ((key = json_member(json, &first)) != NULL) {
        if (strcmp(key, "sha256") == 0 && entry->sha256 == NULL) {
            entry->sha256 = json_string(json);
        } else if (strcmp(key, "bytes") == 0) {
            entry->bytes = json_count(json);
        } else {
            json_skip(json, 64);
        }
        free(key);
    }
    return entry;
}

/* The files that a manifest lists, and the name of its model. */
static struct entry *read_manifest(struct bytes manifest, char **name)
{
    struct json json = {manifest.data, manifest.data + manifest.size};
    struct entry *entries = NULL;
    char *key, *file;
    int first = 1, listed = 0;
    json_object(&json);
    while ((key = json_member(&json, &first)) != NULL) {
        if (strcmp(key, "name") == 0 && *name == NULL) {
            *name = json_string(&json);
        } else if (strcmp(key, "files") == 0) {
            int first_file = 1;
            listed = 1;
            json_object(&json);
            while ((file = json_member(&json, &first_file)) != NULL) {
                entries = read_entry(&json, file, entries);
            }
        } else {
            json_skip(&json, 64);
        }
        free(key);
    }
    if (*name == NULL || !listed) {
        fail("altered", "manifest.json does not list a release's files");
    }
    return entries;
}

static int is_inside(const char *name)
{
    for (const char *part = name; part != NULL; part = strchr(part, '/')) {
        part += *part == '/';
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0')) {
            return 0;
        }
    }
    return name[0] != '/';
}

static void check_file(const char *folder, const struct entry *entry)
{
    struct stat status;
    char found[65];
    char *path = join(folder, entry->name);
    if (!is_inside(entry->name) || entry->sha256 == NULL || lstat(path, &status) != 0 || !S_ISREG(status.st_mode) ||
        status.st_size != entry->bytes || sha256_file(path, found) != 0 || strcmp(found, entry->sha256) != 0) {
        fail("altered", "%s is not what its manifest says", entry->name);
    }
    free(path);
}

static int is_listed(const char *name, const struct entry *entries)
{
    static const char *const beside[] = {
        "manifest.json", "SHA256SUMS", "manifest.json.minisig", "signing-key.pub", "signing-key.pub.minisig"
    };
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
        if (strcmp(name, beside[i]) == 0) {
            return 1;
        }
    }
    while (entries != NULL && strcmp(name, entries->name) != 0) {
        entries = entries->next;
    }
    return entries != NULL;
}

/* Refuse a file below `folder` that is not listed; `inside` is the folder's own name in the release, with a slash, or "". */
static void refuse_others(const char *folder, const char *inside, const struct entry *entries)
{
    DIR *all = opendir(folder);
    struct dirent *one;
    if (all == NULL) {
        fail_file(folder);
    }
    while ((one = readdir(all)) != NULL) {
        if (strcmp(one->d_name, ".") == 0 || strcmp(one->d_name, "..") == 0) {
            continue;
        }
        struct stat status;
        const size_t size = strlen(inside) + strlen(one->d_name) + 2;
        char *path = join(folder, one->d_name), *name = allocate(size);
        if (lstat(path, &status) != 0) {
            fail_file(path);
        }
        snprintf(name, size, "%s%s%s", inside, one->d_name, S_ISDIR(status.st_mode) ? "/" : "");
        if (S_ISDIR(status.st_mode)) {
            refuse_others(path, name, entries);
        } else if (!is_listed(name, entries)) {
            fail("altered", "%s is not in its manifest", name);
        }
        free(name);
        free(path);
    }
    closedir(all);
}

static void check_files(struct bytes manifest, const char *folder, const char *wanted)
{
    char *name = NULL;
    struct entry *entries = read_manifest(manifest, &name);
    if (strcmp(name, wanted) != 0) {
        fail("signature", "it is a release of %s, not of %s", name, wanted);
    }
    free(name);
    refuse_others(folder, "", entries);
    while (entries != NULL) {
        struct entry *entry = entries;
        check_file(folder, entry);
        entries = entry->next;
        free(entry->name);
        free(entry->sha256);
        free(entry);
    }
}

static struct bytes read_beside(const char *folder, const char *name, size_t most, const char *missing)
{
    char *path = join(folder, name);
    const struct bytes content = read_file(path, most, missing);
    free(path);
    return content;
}

void run_verify(const struct options *options)
{
    if (options->folder == NULL || options->trust == NULL || options->name == NULL) {
        fail("data", "--folder, --trust or --name is missing");
    }
    const int rollback = options->mode != NULL && strcmp(options->mode, "rollback") == 0;
    if (options->mode != NULL && !rollback && strcmp(options->mode, "deploy") != 0) {
        fail("data", "--mode %s: use deploy or rollback", options->mode);
    }
    const char *beside = options->signature == NULL ? options->folder : options->signature;
    lock_trust(options->trust);
    const struct bytes manifest = read_beside(options->folder, "manifest.json", MOST_MANIFEST, "system");
    const struct bytes key_file = read_beside(beside, "signing-key.pub", MOST_TEXT, "unsigned");
    const struct public_key key = parse_key(key_file, "signing-key.pub", "signature");
    const struct bytes signature_file = read_beside(beside, "manifest.json.minisig", MOST_TEXT, "unsigned");
    const struct signature signature = parse_signature(signature_file);
    check_signature(manifest, &signature, &key, "manifest.json");
    const char *change = admit_key(options->trust, &key, key_file, beside, rollback);
    const long long stamp = time_stamp(&signature);
    if (!rollback) {
        refuse_older(options->trust, options->name, stamp);
    }
    check_files(manifest, options->folder, options->name);
    if (!rollback) {
        store_trust(options->trust, options->name, stamp, key_file, change);
    }
    char text[KEY_TEXT];
    key_text(&key, text);
    begin_result();
    printf("\"key\": \"%s\", \"time\": %lld, \"change\": \"%s\"", text, stamp, change);
    free(manifest.data);
    free(key_file.data);
    free(signature_file.data);
}
