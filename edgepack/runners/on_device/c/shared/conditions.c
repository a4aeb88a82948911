#include "conditions.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner.h"

#define ZONES_READ 128
#define PATIENCE 3.0 /* seconds for another program's answer */
#define INTERVAL 0.5 /* seconds between two looks at clock and heat */

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

static double hottest(void)
{
    double most = UNKNOWN;
    for (int zone = 0; zone < ZONES_READ; zone++) {
        char path[96];
        snprintf(path, sizeof path, "/sys/class/thermal/thermal_zone%d/temp", zone);
        const double value = read_number(path);
        if (value > UNKNOWN && value / 1000 > most) {
            most = value / 1000;
        }
    }
    return most;
}

static int clocks(double found[CPUS_READ])
{
    int count = 0;
    for (int cpu = 0; cpu < CPUS_READ; cpu++) {
        char path[96];
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_cur_freq", cpu);
        const double value = read_number(path);
        if (value > 0) {
            found[count++] = value * 1000;
        }
    }
    return count;
}

static void read_governors(struct conditions *found)
{
    for (int cpu = 0; cpu < CPUS_READ; cpu++) {
        char path[96];
        char name[sizeof found->governors[0]];
        int known = 0;
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_governor", cpu);
        if (!read_line(path, name, sizeof name) || name[0] == '\0') {
            continue;
        }
        for (int i = 0; i < found->governor_count; i++) {
            known |= strcmp(found->governors[i], name) == 0;
        }
        if (!known && found->governor_count < (int)(sizeof found->governors / sizeof *found->governors)) {
            strcpy(found->governors[found->governor_count++], name);
        }
    }
}

/* The first line that a program writes to its output, "" when there is none within a few seconds; then the program is ended. */
static void ask(char *const words[], char *line, int size)
{
    int pipe_ends[2];
    line[0] = '\0';
    if (pipe(pipe_ends) != 0) {
        return;
    }
    const pid_t asked = fork();
    if (asked == 0) {
        const int nowhere = open("/dev/null", O_WRONLY);
        dup2(pipe_ends[1], STDOUT_FILENO);
        dup2(nowhere, STDERR_FILENO);
        close(pipe_ends[0]);
        close(pipe_ends[1]);
        execvp(words[0], words);
        _exit(127);
    }
    close(pipe_ends[1]);
    const double until = seconds_now() + PATIENCE;
    int length = 0;
    while (asked > 0 && length < size - 1 && strchr(line, '\n') == NULL) {
        const double left = until - seconds_now();
        struct pollfd waited = {.fd = pipe_ends[0], .events = POLLIN};
        if (left <= 0 || poll(&waited, 1, (int)(left * 1000)) <= 0) {
            break;
        }
        const ssize_t found = read(pipe_ends[0], line + length, (size_t)(size - 1 - length));
        if (found <= 0) {
            break;
        }
        length += (int)found;
        line[length] = '\0';
    }
    close(pipe_ends[0]);
    if (asked > 0) {
        kill(asked, SIGKILL);
        waitpid(asked, NULL, 0);
    }
}

/* Raspberry Pi: `throttled=0x50005`. */
static double read_throttled(void)
{
    char line[64];
    char *const words[] = {"vcgencmd", "get_throttled", NULL};
    ask(words, line, sizeof line);
    const char *value = strchr(line, '=');
    char *end = NULL;
    const long bits = value == NULL ? 0 : strtol(value + 1, &end, 16);
    return value == NULL || end == value + 1 ? UNKNOWN : (double)bits;
}

/* The first of the supplies that Linux, and Android after it, name so; a battery of a mouse has another name. */
static void read_battery(struct conditions *found)
{
    static const char *const names[] = {"battery", "BAT0", "BAT1", "bms"};
    found->battery = UNKNOWN;
    for (size_t i = 0; i < sizeof names / sizeof *names && found->battery <= UNKNOWN; i++) {
        char path[96];
        snprintf(path, sizeof path, "/sys/class/power_supply/%s/capacity", names[i]);
        found->battery = read_number(path);
        snprintf(path, sizeof path, "/sys/class/power_supply/%s/status", names[i]);
        if (!read_line(path, found->battery_status, sizeof found->battery_status)) {
            found->battery_status[0] = '\0';
        }
    }
}

/* The first line of /proc/stat: user, nice, system, idle, iowait, irq, softirq and steal, in ticks since the start (proc(5)). */
static void read_processor(struct conditions *found)
{
    char line[256];
    double t[8];
    const double tick = (double)sysconf(_SC_CLK_TCK);
    found->busy = found->stolen = UNKNOWN;
    if (tick > 0 && read_line("/proc/stat", line, sizeof line) &&
        sscanf(line, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &t[0], &t[1], &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]) == 8) {
        found->busy = (t[0] + t[1] + t[2] + t[5] + t[6]) / tick;
        found->stolen = t[7] / tick;
    }
}

void read_conditions(struct conditions *found)
{
    struct rusage usage;
    memset(found, 0, sizeof *found);
    found->temperature = hottest();
    found->frequency_count = clocks(found->frequencies);
    read_governors(found);
    found->throttled = read_throttled();
    read_battery(found);
    found->load = read_number("/proc/loadavg");
    read_processor(found);
    getrusage(RUSAGE_SELF, &usage);
    found->own = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
    found->preempted = usage.ru_nivcsw;
    found->time = seconds_now();
}

void print_conditions(const char *name, const struct conditions *found)
{
    printf(", \"%s\": {", name);
    print_number("temperature", found->temperature, found->temperature > UNKNOWN);
    printf(", \"frequencies\": [");
    for (int i = 0; i < found->frequency_count; i++) {
        printf("%s%.0f", i ? ", " : "", found->frequencies[i]);
    }
    printf("], \"governors\": [");
    for (int i = 0; i < found->governor_count; i++) {
        printf("%s\"", i ? ", " : "");
        print_text(found->governors[i]);
        printf("\"");
    }
    printf("], ");
    print_number("throttled", found->throttled, found->throttled > UNKNOWN);
    if (found->battery > UNKNOWN) {
        printf(", \"battery\": {\"level\": %.15g, \"status\": \"", found->battery);
        print_text(found->battery_status);
        printf("\"}, ");
    } else {
        printf(", \"battery\": null, ");
    }
    print_number("load", found->load, found->load > UNKNOWN);
    if (found->busy > UNKNOWN) {
        printf(", \"processor\": {\"busy\": %.15g, \"stolen\": %.15g}", found->busy, found->stolen);
    } else {
        printf(", \"processor\": null");
    }
    printf(", \"own\": %.6f, \"preempted\": %ld, \"time\": %.6f}", found->own, found->preempted, found->time);
}

void look(struct watch *watch)
{
    double found[CPUS_READ];
    const double now = seconds_now() - watch->start;
    if (watch->count == LOOKS || (watch->count > 0 && now < watch->at[watch->count - 1] + INTERVAL)) {
        return;
    }
    const int count = clocks(found);
    double fastest = UNKNOWN;
    for (int i = 0; i < count; i++) {
        fastest = found[i] > fastest ? found[i] : fastest;
    }
    watch->at[watch->count] = now;
    watch->frequency[watch->count] = fastest;
    watch->temperature[watch->count++] = hottest();
}

void print_watch(const struct watch *watch)
{
    printf(", \"during\": [");
    for (int i = 0; i < watch->count; i++) {
        printf("%s{\"at\": %.3f, ", i ? ", " : "", watch->at[i]);
        print_number("frequency", watch->frequency[i], watch->frequency[i] > UNKNOWN);
        printf(", ");
        print_number("temperature", watch->temperature[i], watch->temperature[i] > UNKNOWN);
        printf("}");
    }
    printf("]");
}

double process_memory(const char *field)
{
    char line[128];
    const size_t length = strlen(field);
    double bytes = UNKNOWN;
    FILE *file = fopen("/proc/self/status", "r");
    if (file == NULL) {
        return UNKNOWN;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, field, length) == 0 && line[length] == ':') {
            bytes = atof(line + length + 1) * 1024;
        }
    }
    fclose(file);
    return bytes;
}
