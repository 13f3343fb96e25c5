"""AWS's inference toolkit, as far as inference scripts use it."""
