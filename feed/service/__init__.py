"""The `feed serve` service: settings, logs, and the process around a server."""
