#include "conditions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

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

/* The first of the supplies that Linux, and Android after it, name so; a battery of a mouse has another name. */
static void read_battery(struct conditions *found)
{
    static const char *const names[] = {"battery", "BAT0", "BAT1", "bms"};
    char path[96];
    char line[64];
    found->battery = -1.0;
    for (size_t i = 0; i < sizeof names / sizeof *names && found->battery < 0.0; i++) {
        snprintf(path, sizeof path, "/sys/class/power_supply/%s/capacity", names[i]);
        if (read_line(path, line, sizeof line)) {
            found->battery = atof(line);
            snprintf(path, sizeof path, "/sys/class/power_supply/%s/status", names[i]);
            if (read_line(path, line, sizeof line) && strpbrk(line, "\"\\") == NULL) {
                snprintf(found->battery_status, sizeof found->battery_status, "%.20s", line);
            }
        }
    }
}

/* The first line of /proc/stat: user, nice, system, idle, iowait, irq, softirq and steal, in ticks (proc(5)). */
static void read_processor(struct conditions *found)
{
    char line[256];
    unsigned long long t[8];
    const double tick = (double)sysconf(_SC_CLK_TCK);
    found->busy = found->stolen = -1.0;
    if (tick > 0.0 && read_line("/proc/stat", line, sizeof line) &&
        sscanf(line, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &t[0], &t[1], &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]) == 8) {
        found->busy = (double)(t[0] + t[1] + t[2] + t[5] + t[6]) / tick;
        found->stolen = (double)t[7] / tick;
    }
}

static void read_own(struct conditions *found)
{
    struct rusage usage;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    found->time = (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
    getrusage(RUSAGE_SELF, &usage);
    found->own = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
    found->preempted = usage.ru_nivcsw;
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
    read_battery(found);
    read_processor(found);
    read_own(found);
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
