// The part of Arduino's core that a generated sketch uses, on standard output; setup() runs once.
#ifndef STANDIN_ARDUINO_H
#define STANDIN_ARDUINO_H
#include <stdint.h>
#include <stdio.h>
struct StandinSerial {
  void begin(unsigned long) {}
  explicit operator bool() const { return true; }
  bool operator!() const { return false; }
  void print(const char* text) { fputs(text, stdout); }
  void print(int value) { printf("%d", value); }
  void println(unsigned long value) { printf("%lu\n", value); }
};
static StandinSerial Serial;
static inline unsigned long micros() { return 0; }
void setup();
void loop();
#endif
