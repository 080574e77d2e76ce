"""`python -m gazadata` does what the command does."""

from gazadata.cli import main

main()
