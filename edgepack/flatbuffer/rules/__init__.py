"""What single operators compute: multiply-accumulates, shapes, values. traits.py says which rule is whose."""
