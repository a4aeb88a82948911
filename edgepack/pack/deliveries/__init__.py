"""A model in the forms that other builds take: one file or folder a form, listed in registry.py."""
