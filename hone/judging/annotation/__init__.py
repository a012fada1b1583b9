"""People as judges: overrides, annotation sheets and the page that shows a sheet."""
