"""What every room stands on: errors, files, caches, downloads, progress."""
