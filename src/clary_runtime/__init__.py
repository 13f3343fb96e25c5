"""What runs inside the sandbox: training and serving by AWS's container contract.

`python -m clary_runtime train …` and `python -m clary_runtime serve …` behave as AWS's own XGBoost and scikit-learn
images do. Nothing of `clary` is imported here; heavy libraries are imported only by the command that needs them.
"""
