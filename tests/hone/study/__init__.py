"""hone study."""
