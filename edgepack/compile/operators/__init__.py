"""The operators that become C, one file each; see docs/contributing/add-an-operator.md."""
