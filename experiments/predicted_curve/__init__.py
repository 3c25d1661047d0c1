"""Curves predicted from samples against leave-one-out and test curves, on digits and CIFAR-10."""
