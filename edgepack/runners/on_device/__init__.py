"""What runs on devices: run.py with its parts, copied there file by file, and the same program in C (c/)."""
