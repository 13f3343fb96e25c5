"""The command `clary`: starts and ends Clary on this machine, and tells how it is."""
