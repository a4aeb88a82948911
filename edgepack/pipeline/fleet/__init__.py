"""The walk to many devices: which ones, in which turns, and what is shown meanwhile."""
