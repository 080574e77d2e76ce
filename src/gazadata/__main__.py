"""`python -m gazadata` is the same as the command `gazadata`."""

from gazadata.cli import main

main()
