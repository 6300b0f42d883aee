"""Benchmarks: the product beside floors in C and the servers that users could pick instead, measured in one run."""
