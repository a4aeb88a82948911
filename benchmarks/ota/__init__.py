"""Updates of images: sizes of patches, what the updater takes, and power cuts."""
