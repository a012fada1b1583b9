"""The page of a study: one file that opens offline and begins with the answer."""
