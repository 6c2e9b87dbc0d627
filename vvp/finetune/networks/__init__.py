"""The networks, one a file, in plain torch."""
