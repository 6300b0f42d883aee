"""Export of recordings to the files of other programs: one file and one registry line a target."""
