"""The command line: one file per command, and the start that makes the environment for them."""
