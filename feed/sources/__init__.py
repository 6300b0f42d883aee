"""Which source a scenario asks for: an engine, a recording, or several of them in a row."""
