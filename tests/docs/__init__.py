"""The documentation: generated from registries, checked, and served."""
