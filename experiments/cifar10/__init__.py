"""Networks on CIFAR-10: test error against the ratio of synthetic to real images."""
