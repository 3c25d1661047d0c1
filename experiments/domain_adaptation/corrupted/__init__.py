"""From clean CIFAR-10 images to corrupted ones: five corruptions, five strengths each."""
