"""Built-in XGBoost: AWS's algorithm mode of the image `sagemaker-xgboost` (documented versions 1.7-1 and 3.0-5)."""
