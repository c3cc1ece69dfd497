"""What each command does, a file each; cli.py has their options."""
