"""Inventories: files that name many devices, as Ansible reads them."""
