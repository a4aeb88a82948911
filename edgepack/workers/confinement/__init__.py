"""A process that gives up, for good, most of what it could do: before it runs code that somebody else wrote."""
