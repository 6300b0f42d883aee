"""Parts that the dialects of exchanges share: the session with a client, and the writing of decimals and books."""
