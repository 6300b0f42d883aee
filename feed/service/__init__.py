"""The running service: settings, logs, and the process around a server."""
