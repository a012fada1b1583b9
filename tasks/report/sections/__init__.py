"""The sections of the report: every module here defines one `SECTION`, and its template has the
module's name.
"""
