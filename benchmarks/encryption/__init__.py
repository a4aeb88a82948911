"""What encrypted weights cost."""
