"""Servers to compare with, each the way its users usually write it."""
