"""DVC as the commands and flows see it: the graph, what is out of date, one stage run at a time, repair after a kill."""
