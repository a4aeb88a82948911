"""The functions of `import edgepack`, one file each; the command line calls the same ones.

Everything that a command of edgepack.cli can be told is an argument here, by the same name where Python has no better one.
"""
