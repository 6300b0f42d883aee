"""Market data as DataFrames: the same rows and columns whether from a stream, a scenario or a file."""
