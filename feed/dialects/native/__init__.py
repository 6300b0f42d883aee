"""The native dialect: JSON text, one event a frame."""
