"""The live page and the browser client: sources, their build, and access to what was built."""
