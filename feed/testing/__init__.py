"""Support for test runners: the pytest plugin."""
