"""The command line: one module for each panel of `hone --help`."""
