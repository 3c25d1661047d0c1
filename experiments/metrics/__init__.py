"""Which discrepancy between real and synthetic data predicts how much synthetic data is best?"""
