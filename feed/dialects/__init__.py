"""Wire formats: one module a dialect. Bytes in, requests out; events and columns in, bytes out."""
