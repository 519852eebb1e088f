"""The networks, one file for each paper, as lists of named steps."""
