"""Memory that a run takes."""
