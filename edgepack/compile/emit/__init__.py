"""C text: the program, its calls, and its readme."""
