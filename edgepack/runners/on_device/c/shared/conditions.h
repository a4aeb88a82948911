/* What may disturb a measurement, as run_conditions.py reads it from /proc and /sys (below EDGEPACK_SYSTEM_ROOT). */
#ifndef EDGEPACK_CONDITIONS_H
#define EDGEPACK_CONDITIONS_H

#define CPUS_READ 64
#define LOOKS 400
#define UNKNOWN (-1e9)

/* Everything as the system has it now; UNKNOWN, or a count of 0, where it does not say. */
struct conditions {
    double temperature; /* degrees Celsius, the hottest zone */
    double load;        /* load average over one minute */
    double frequencies[CPUS_READ]; /* Hz */
    int frequency_count;
    char governors[8][32]; /* each once */
    int governor_count;
    double throttled;        /* the bits of a Raspberry Pi's `vcgencmd get_throttled` */
    double battery;          /* charge in per cent */
    char battery_status[32]; /* "Discharging", "Charging", ... */
    double busy, stolen;     /* seconds that all cores were busy, and that a virtual machine's host took, since the start */
    double own;              /* seconds of processor time of this process */
    long preempted;          /* how often it lost a core that it still wanted */
    double time;             /* a clock in seconds */
};

/* The fastest clock (Hz) and the heat (degrees Celsius), every half second `at` after the start. */
struct watch {
    int count;
    double start, at[LOOKS], frequency[LOOKS], temperature[LOOKS];
};

void read_conditions(struct conditions *found);
void print_conditions(const char *name, const struct conditions *found);

/* Take a look when it is time to; `start` is set and `count` 0 before the first. */
void look(struct watch *watch);
void print_watch(const struct watch *watch);

/* A field of /proc/self/status such as "VmHWM" in bytes, UNKNOWN when it is not there. */
double process_memory(const char *field);

#endif
