"""The sections of a recipe: every setting with type, range and default. Settings of a method are
in the method's file.
"""
