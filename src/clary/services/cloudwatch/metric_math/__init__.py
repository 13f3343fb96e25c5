"""Metric math: expressions over time series, read into a tree and evaluated.

Source: CloudWatch user guide, «Using math expressions with CloudWatch metrics» and «search expressions».
"""
