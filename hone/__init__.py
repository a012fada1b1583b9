"""The library of Hone: code that several stages share. It never imports tasks, commands or
flows.
"""
