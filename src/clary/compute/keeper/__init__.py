"""The keeper: one small process an instance, outside the sandbox, that owns it and dies with it.

It runs on the standard library alone (`python -I -S __main__.py FOLDER`), so that it starts in milliseconds.
"""
