/* What may disturb a measurement, as run_conditions.py reads it from /proc and /sys (below EDGEPACK_SYSTEM_ROOT). */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "runner.h"

#define CPUS 64
#define ZONES 64
#define UNKNOWN (-1e9)

/* The first line of a small file without its end; 0 when it cannot be read. */
static int read_line(const char *path, char *line, int size)
{
    char whole[512];
    const char *root = getenv("EDGEPACK_SYSTEM_ROOT");
    snprintf(whole, sizeof whole, "%s%s", root == NULL ? "" : root, path);
    FILE *file = fopen(whole, "r");
    if (file == NULL) {
        return 0;
    }
    const int found = fgets(line, size, file) != NULL;
    fclose(file);
    if (found) {
        line[strcspn(line, "\n")] = '\0';
    }
    return found;
}

static double read_number(const char *path)
{
    char line[64];
    char *end;
    if (!read_line(path, line, sizeof line)) {
        return UNKNOWN;
    }
    const double value = strtod(line, &end);
    return end == line ? UNKNOWN : value;
}

static void print_number(const char *name, double value)
{
    if (value <= UNKNOWN) {
        printf("\"%s\": null", name);
    } else {
        printf("\"%s\": %.9g", name, value);
    }
}

static double hottest(void)
{
    double most = UNKNOWN;
    for (int zone = 0; zone < ZONES; zone++) {
        char path[96];
        snprintf(path, sizeof path, "/sys/class/thermal/thermal_zone%d/temp", zone);
        const double value = read_number(path);
        if (value > UNKNOWN && value / 1000 > most) {
            most = value / 1000;
        }
    }
    return most;
}

static int clocks(double *found)
{
    int count = 0;
    for (int cpu = 0; cpu < CPUS; cpu++) {
        char path[96];
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_cur_freq", cpu);
        const double value = read_number(path);
        if (value > 0) {
            found[count++] = value * 1000;
        }
    }
    return count;
}

static void print_governors(void)
{
    char seen[8][32];
    int count = 0;
    printf("\"governors\": [");
    for (int cpu = 0; cpu < CPUS; cpu++) {
        char path[96];
        char name[32];
        int known = 0;
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_governor", cpu);
        if (!read_line(path, name, sizeof name)) {
            continue;
        }
        for (int i = 0; i < count; i++) {
            known |= strcmp(seen[i], name) == 0;
        }
        if (!known && count < 8 && name[0] != '\0') {
            printf("%s\"", count ? ", " : "");
            print_text(name);
            printf("\"");
            strcpy(seen[count++], name);
        }
    }
    printf("]");
}

/* Raspberry Pi: `throttled=0x50005`. */
static void print_throttled(void)
{
    char line[64] = "";
    FILE *answer = popen("vcgencmd get_throttled 2>/dev/null", "r");
    if (answer != NULL) {
        if (fgets(line, sizeof line, answer) == NULL) {
            line[0] = '\0';
        }
        pclose(answer);
    }
    const char *value = strchr(line, '=');
    char *end = NULL;
    const long bits = value == NULL ? 0 : strtol(value + 1, &end, 16);
    if (value == NULL || end == value + 1) {
        printf("\"throttled\": null");
    } else {
        printf("\"throttled\": %ld", bits);
    }
}

static void print_battery(void)
{
    static const char *const names[] = {"battery", "BAT0", "BAT1"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[96];
        char status[32] = "";
        snprintf(path, sizeof path, "/sys/class/power_supply/%s/capacity", names[i]);
        const double level = read_number(path);
        if (level > UNKNOWN) {
            snprintf(path, sizeof path, "/sys/class/power_supply/%s/status", names[i]);
            read_line(path, status, sizeof status);
            printf("\"battery\": {\"level\": %.9g, \"status\": \"", level);
            print_text(status);
            printf("\"}");
            return;
        }
    }
    printf("\"battery\": null");
}

/* proc(5): user, nice, system, idle, iowait, irq, softirq and steal, in ticks since the start. */
static void print_processor(void)
{
    char line[256];
    double ticks[8];
    const double tick = (double)sysconf(_SC_CLK_TCK);
    if (!read_line("/proc/stat", line, sizeof line) ||
        sscanf(line, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &ticks[0], &ticks[1], &ticks[2], &ticks[3], &ticks[4], &ticks[5],
               &ticks[6], &ticks[7]) != 8) {
        printf("\"processor\": null");
        return;
    }
    printf("\"processor\": {\"busy\": %.9g, \"stolen\": %.9g}", (ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]) / tick,
           ticks[7] / tick);
}

void print_conditions(const char *name)
{
    double found[CPUS];
    double load = UNKNOWN;
    struct rusage usage;
    const int count = clocks(found);
    printf("\"%s\": {", name);
    print_number("temperature", hottest());
    printf(", \"frequencies\": [");
    for (int i = 0; i < count; i++) {
        printf("%s%.0f", i ? ", " : "", found[i]);
    }
    printf("], ");
    print_governors();
    printf(", ");
    print_throttled();
    printf(", ");
    print_battery();
    printf(", ");
    load = read_number("/proc/loadavg");
    print_number("load", load);
    printf(", ");
    print_processor();
    getrusage(RUSAGE_SELF, &usage);
    printf(", \"own\": %.6f, \"preempted\": %ld, \"time\": %.6f}",
           (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
               (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6,
           usage.ru_nivcsw, seconds_now());
}

void print_look(double at, int first)
{
    double found[CPUS];
    double fastest = UNKNOWN;
    const int count = clocks(found);
    for (int i = 0; i < count; i++) {
        fastest = found[i] > fastest ? found[i] : fastest;
    }
    printf("%s{\"at\": %.3f, ", first ? "" : ", ", at);
    print_number("frequency", fastest);
    printf(", ");
    print_number("temperature", hottest());
    printf("}");
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
