"""Kinds of faults, one file each; `feed.faults.registry` lists them."""
