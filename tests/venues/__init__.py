"""Real venues: what their messages come to."""
