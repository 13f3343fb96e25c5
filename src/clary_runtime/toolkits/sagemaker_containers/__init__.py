"""AWS's older toolkit, as far as scripts use it."""
