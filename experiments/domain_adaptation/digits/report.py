"""From rows to what they say."""


def report(rows, head, out):
    """Stub until written."""
