"""Clary: Amazon SageMaker and the AWS services around it, run by yourself."""
