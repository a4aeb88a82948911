"""Reading linked programs: symbols, sections, sizes, Thumb code."""
