"""The sections of a recipe: every setting with its type, range and default. A method's own are beside the method."""
