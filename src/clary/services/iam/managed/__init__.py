"""AWS's own managed policies, a file each, as AWS publishes them."""
