"""Measure the damage that false negatives do to a trained model, and how much of it each filter
or judge repairs.
"""
