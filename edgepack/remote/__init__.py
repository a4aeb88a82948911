"""edgepack's folder on a device: its layout, its lock, the scripts run there, and room on its disk."""
