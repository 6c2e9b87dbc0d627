"""Driver programs, one per verb, and the CLI that gathers them (cli.py)."""
