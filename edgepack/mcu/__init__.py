"""Microcontrollers: a model's C becomes a program for a core, runs on an emulated or attached one, and what it did is counted.

The rooms, in the order a model passes them:

- `toolchain/`: zig or gcc; compiling, linking, and the program that is a model's C plus a test loop.
- `firmware/`: the C of that test loop: start-up, linker script, cycle counters, a page a board. No Python.
- `emulate/`: running the program in unicorn or QEMU, counting the blocks of code it executes.
- `image/`: reading the linked program: symbols, sizes, layers, instructions.
- `count/`: from executed blocks to instructions and estimated cycles.
- `boards/`: boards that can be attached, reached by serial port or debug probe, and the report they print.
- `host.py`: the same C as a program of this computer, for whole test sets.

What a core can do and how it is built for, emulated and timed stands in `edgepack/cores`; `edgepack/measure/mcu` walks through
these rooms and turns what they find into measurements.
"""
