"""`python -m jobs …` is `vvp …`: what a submitted Ray job runs."""

from jobs.cli import main

main()
