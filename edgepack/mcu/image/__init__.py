"""Reading linked programs: symbols, sections, sizes, where layers begin, Thumb code."""
