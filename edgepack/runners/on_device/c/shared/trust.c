#define _GNU_SOURCE
#include "trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner.h"

char *join(const char *folder, const char *name)
{
    const size_t size = strlen(folder) + strlen(name) + 2;
    char *path = allocate(size);
    snprintf(path, size, "%s/%s", folder, name);
    return path;
}

int exists(const char *folder, const char *name)
{
    char *path = join(folder, name);
    const int found = access(path, F_OK) == 0;
    free(path);
    return found;
}

struct bytes read_file(const char *path, size_t most, const char *missing)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL && errno == ENOENT) {
        const char *slash = strrchr(path, '/');
        fail(missing, "%s is missing", slash == NULL ? path : slash + 1);
    }
    struct stat status;
    if (file == NULL || fstat(fileno(file), &status) != 0) {
        fail_file(path);
    }
    if (!S_ISREG(status.st_mode) || status.st_size > (off_t)most) {
        fail("system", "%s is no file, or larger than %zu bytes", path, most);
    }
    struct bytes content = {allocate((unsigned long long)status.st_size), (size_t)status.st_size};
    if (fread(content.data, 1, content.size, file) != content.size) {
        fail("system", "%s cannot be read", path);
    }
    fclose(file);
    return content;
}

static int put(FILE *file, struct bytes content)
{
    return content.size == 0 || fwrite(content.data, 1, content.size, file) == content.size;
}

static void write_file(const char *folder, const char *name, struct bytes first, struct bytes second)
{
    const size_t size = strlen(name) + 16;
    char *hidden = allocate(size);
    snprintf(hidden, size, ".%s.new", name);
    char *part = join(folder, hidden), *path = join(folder, name);
    FILE *file = fopen(part, "wb");
    if (file == NULL || !put(file, first) || !put(file, second) || fflush(file) != 0 || fsync(fileno(file)) != 0 ||
        fclose(file) != 0 || rename(part, path) != 0) {
        fail_file(path);
    }
    free(hidden);
    free(part);
    free(path);
}

static void make_folder(const char *path)
{
    if (mkdir(path, 0755) != 0 && errno != EEXIST) {
        fail_file(path);
    }
}

void lock_trust(const char *folder)
{
    make_folder(folder);
    char *path = join(folder, "lock");
    const int lock = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (lock < 0 || flock(lock, LOCK_EX) != 0) {
        fail_file(path);
    }
    free(path);
}

static struct bytes read_retired(const char *folder)
{
    char *path = join(folder, "retired");
    const struct bytes nothing = {NULL, 0};
    const struct bytes content = exists(folder, "retired") ? read_file(path, MOST_MANIFEST, "system") : nothing;
    free(path);
    return content;
}

static struct public_key trusted_key(const char *folder)
{
    char *path = join(folder, "key.pub");
    struct bytes text = read_file(path, MOST_TEXT, "system");
    const struct public_key key = parse_key(text, "key.pub", "system");
    free(text.data);
    free(path);
    return key;
}

static int is_retired(const char *folder, const struct public_key *key)
{
    char text[KEY_TEXT];
    const struct bytes all = read_retired(folder);
    struct bytes rest = all;
    int found = 0;
    key_text(key, text);
    while (rest.size > 0 && !found) {
        const struct bytes line = next_line(&rest);
        found = line.size == strlen(text) && memcmp(line.data, text, line.size) == 0;
    }
    free(all.data);
    return found;
}

const char *admit_key(const char *folder, const struct public_key *key, struct bytes key_file, const char *beside, int rollback)
{
    static const char endorsement[] = "signing-key.pub.minisig";
    char own[17], other[17];
    if (!rollback && !exists(folder, "key.pub")) {
        return "first";
    }
    const struct public_key trusted = trusted_key(folder);
    if (memcmp(&trusted, key, sizeof trusted) == 0) {
        return "";
    }
    if (!rollback && exists(beside, endorsement)) {
        char *path = join(beside, endorsement);
        const struct bytes text = read_file(path, MOST_TEXT, "system");
        const struct signature signature = parse_signature(text);
        if (memcmp(signature.number, trusted.number, sizeof trusted.number) == 0) {
            check_signature(key_file, &signature, &trusted, "signing-key.pub");
            free(text.data);
            free(path);
            return "changed";
        }
        free(text.data);
        free(path);
    }
    key_name(key->number, own);
    key_name(trusted.number, other);
    if (is_retired(folder, key)) {
        fail("stale", "it is signed with key %s, in whose place the device has %s by now", own, other);
    }
    fail("key", "it is signed with key %s, the device trusts %s", own, other);
}

void refuse_older(const char *folder, const char *name, long long stamp)
{
    char *accepted = join(folder, "accepted");
    char *path = join(accepted, name);
    if (exists(accepted, name)) {
        const struct bytes text = read_file(path, MOST_TEXT, "system");
        size_t size = text.size;
        long long highest = 0;
        while (size > 0 && (text.data[size - 1] == '\n' || text.data[size - 1] == '\r' || text.data[size - 1] == ' ')) {
            size--;
        }
        for (size_t i = 0; i < size || size == 0; i++) {
            if (size == 0 || size > 18 || text.data[i] < '0' || text.data[i] > '9') {
                fail("system", "%s does not hold a time stamp", path);
            }
            highest = 10 * highest + (text.data[i] - '0');
        }
        if (stamp < highest) {
            fail("replayed", "it was signed at %lld, a release signed at %lld was accepted before", stamp, highest);
        }
        free(text.data);
    }
    free(accepted);
    free(path);
}

/* Each file is whole or not written at all; the retired key comes first, the new one last. */
void store_trust(const char *folder, const char *name, long long stamp, struct bytes key_file, const char *change)
{
    const struct bytes nothing = {NULL, 0};
    char *accepted = join(folder, "accepted");
    char line[KEY_TEXT + 1];
    make_folder(accepted);
    const int length = snprintf(line, sizeof line, "%lld\n", stamp);
    write_file(accepted, name, (struct bytes){(uint8_t *)line, (size_t)length}, nothing);
    free(accepted);
    if (strcmp(change, "changed") == 0) {
        const struct bytes retired = read_retired(folder);
        const struct public_key old = trusted_key(folder);
        key_text(&old, line);
        line[KEY_TEXT - 1] = '\n';
        write_file(folder, "retired", retired, (struct bytes){(uint8_t *)line, KEY_TEXT});
        free(retired.data);
    }
    if (*change != '\0') {
        write_file(folder, "key.pub", key_file, nothing);
    }
}
