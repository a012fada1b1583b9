"""What false negatives cost a trained model, and how much of that each way of cleaning gives back."""
