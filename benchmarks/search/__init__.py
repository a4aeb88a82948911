"""What a search says before it trains, beside what training gives."""
