"""Script mode: a customer's own training script and inference functions, as AWS's framework images run them."""
