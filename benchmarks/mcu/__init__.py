"""What the reference models cost on every microcontroller core, beside other stacks."""
