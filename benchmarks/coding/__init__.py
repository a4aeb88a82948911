"""Parameter coding, measured: what decoders cost, how near the codes come to the entropy, and what damage does."""
