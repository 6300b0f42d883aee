"""The fan-out."""
