"""Sources of a scenario: an engine, a recording, or several recordings in a row."""
