"""Pages that load nothing from anywhere: the report of a device, and that of a fleet."""
