"""Running simulation: a source, a clock, the streams with their sequence numbers, and recent history."""
