"""Starts Clary's processes on one machine, keeps them running, and ends them."""
