"""The systems under test: reference implementations and their broken variants."""
