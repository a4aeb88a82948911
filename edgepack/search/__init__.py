"""Choosing the recipe for a target's budgets: which layers lose channels or weights, and how many bits the rest takes."""
