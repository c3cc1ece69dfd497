"""Systems under test: reference implementations, their broken variants, and the worlds that run them."""
