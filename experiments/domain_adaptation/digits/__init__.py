"""Digits: MNIST to USPS and back, both real, with synthetic images of the target."""
