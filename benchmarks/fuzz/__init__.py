"""Mutated model files: each is read, inspected and compiled, or refused."""
