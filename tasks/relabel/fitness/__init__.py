"""Is a judge fit? How well it tells answers from others, how far its probabilities mean what they say, and what it may do."""
