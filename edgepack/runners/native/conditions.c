#include "conditions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZONES_READ 128

/* The first line of a small file without its end; 0 when it cannot be read. */
static int read_line(const char *path, char *line, int size)
{
    FILE *file = fopen(path, "r");
    int found;
    if (file == NULL) {
        return 0;
    }
    found = fgets(line, size, file) != NULL;
    fclose(file);
    if (found) {
        line[strcspn(line, "\n")] = '\0';
    }
    return found;
}

static void add_governor(struct conditions *found, const char *name)
{
    for (int i = 0; i < found->governor_count; i++) {
        if (strcmp(found->governors[i], name) == 0) {
            return;
        }
    }
    if (found->governor_count < 8 && strlen(name) < sizeof found->governors[0] && strpbrk(name, "\"\\") == NULL) {
        strcpy(found->governors[found->governor_count++], name);
    }
}

void read_conditions(struct conditions *found)
{
    char path[96];
    char line[64];
    memset(found, 0, sizeof *found);
    found->temperature = -1e3;
    found->load = -1.0;
    for (int zone = 0; zone < ZONES_READ; zone++) {
        snprintf(path, sizeof path, "/sys/class/thermal/thermal_zone%d/temp", zone);
        if (read_line(path, line, sizeof line) && atof(line) / 1000.0 > found->temperature) {
            found->temperature = atof(line) / 1000.0;
        }
    }
    for (int cpu = 0; cpu < CPUS_READ; cpu++) {
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_cur_freq", cpu);
        if (read_line(path, line, sizeof line) && atof(line) > 0) {
            found->frequencies[found->frequency_count++] = atof(line) * 1000.0;
        }
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_governor", cpu);
        if (read_line(path, line, sizeof line)) {
            add_governor(found, line);
        }
    }
    if (read_line("/proc/loadavg", line, sizeof line)) {
        found->load = atof(line);
    }
}

long long process_memory(const char *field)
{
    char line[128];
    const size_t length = strlen(field);
    long long kibibytes = -1;
    FILE *file = fopen("/proc/self/status", "r");
    if (file == NULL) {
        return -1;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, field, length) == 0 && line[length] == ':') {
            kibibytes = atoll(line + length + 1);
        }
    }
    fclose(file);
    return kibibytes < 0 ? -1 : kibibytes * 1024;
}
