"""The cores that code is compiled for: what each can do, and how it is built for and emulated."""
