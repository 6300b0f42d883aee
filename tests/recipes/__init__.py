"""Recipes of the documentation for test runners, and the small page that they test."""
