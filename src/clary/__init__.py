"""Clary: Amazon SageMaker and the AWS services around it, run by yourself."""

__version__ = "0.1.0"
