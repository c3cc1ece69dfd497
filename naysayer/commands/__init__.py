"""What each command does, a file each; cli.py says how they are asked."""
