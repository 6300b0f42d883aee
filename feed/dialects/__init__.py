"""Wire formats, one module per dialect: bytes in, requests out; events and columns in, bytes out."""
