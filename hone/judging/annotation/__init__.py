"""People as judges: overrides, sheets and the page that shows one."""
