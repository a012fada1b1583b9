"""Statistics: bootstrap, paired tests, Fieller, risk control, proportions, AUC, agreement,
calibration, prediction-powered inference.
"""
