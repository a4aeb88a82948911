"""What a program executed: instructions by kind, and the cycles a core is estimated to take for them."""
