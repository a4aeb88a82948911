"""A service on Linux devices: how it is installed (service.py), and the program that is copied there (serve.py)."""
