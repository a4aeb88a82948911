"""The edgepack command."""
