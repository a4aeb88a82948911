"""The walk through the rooms in order, one file per command. The Python API and the command line call these."""
