"""The native dialect: JSON text, one event per frame."""
