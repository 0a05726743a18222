"""What can be asked: a file for each command, or for those that belong together."""
