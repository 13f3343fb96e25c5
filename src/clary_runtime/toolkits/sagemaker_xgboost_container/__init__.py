"""What AWS's XGBoost image offers to scripts."""
