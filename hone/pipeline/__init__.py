"""DVC for commands and flows: the graph, stale stages, running one stage at a time, repair after
a kill.
"""
