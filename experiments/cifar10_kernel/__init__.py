"""Advice on CIFAR-10 with kernels on pixels: is the recommended count as good as the best one?"""
