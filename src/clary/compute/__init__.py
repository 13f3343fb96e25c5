"""Compute: runs the users' programs, each in an instance of its own, behind one seam."""
