"""The conversation with a client, as a core without sockets and without clocks."""
