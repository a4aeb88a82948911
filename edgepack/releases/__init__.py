"""Releases on a device: uploaded and verified beside the running one, switched, rolled back, removed."""
