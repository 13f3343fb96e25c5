"""What a prediction costs, from the signed request to the answer: Clary beside bare servers and known peers."""
