/* What may disturb a measurement, read from /proc and /sys. */
#ifndef EDGEPACK_CONDITIONS_H
#define EDGEPACK_CONDITIONS_H

#define CPUS_READ 64

/* Every value as the system has it now; a count of 0 and a negative number mean that it does not say. */
struct conditions {
    double temperature; /* degrees Celsius, the hottest zone; below -300 when unknown */
    double load;        /* load average over one minute */
    double frequencies[CPUS_READ]; /* Hz */
    int frequency_count;
    char governors[8][32]; /* each once */
    int governor_count;
    double battery;            /* charge in percent */
    char battery_status[24];   /* "Discharging", "Charging", ... */
    double busy, stolen;       /* seconds that all cores were busy, and that a virtual machine's host took, since the start */
    double own;                /* seconds of processor time of this process */
    long preempted;            /* how often it lost a core that it still wanted */
    double time;               /* a clock in seconds */
};

void read_conditions(struct conditions *found);

/* A field of /proc/self/status such as "VmHWM" in bytes, -1 when it is not there. */
long long process_memory(const char *field);

#endif
