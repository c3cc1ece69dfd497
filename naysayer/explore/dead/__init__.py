"""Which messages of a protocol can never again have an effect, a file and a proof for each protocol."""
