"""What real venues say on their WebSockets: a parser each, from a message to events, without any reading or writing."""
