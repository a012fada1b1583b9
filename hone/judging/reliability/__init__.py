"""How far a judge can be believed: evidence, by stratum, its errors, and the gate for
promotions.
"""
