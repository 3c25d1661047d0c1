"""How a flow is trained: one frozen record."""

import dataclasses

from synthmix_jax import _checks

from . import _given


@dataclasses.dataclass(frozen=True)
class FlowConfig:
    """The network of a flow, and its training.

    The learning rate rises over the first hundredth of `steps` (at most 500 of them) and then stays: samples come
    from the moving average of the parameters, so that training may end at any step and a shorter training is the
    beginning of a longer one.

    Attributes:
        steps: Steps of training.
        batch_size: Points a step, drawn with replacement.
        learning_rate: Of Adam.
        clip_norm: Largest norm of the gradient.
        average: Decay of the moving average of the parameters, in [0, 1); less in the beginning.
        unlabelled: Share of the points that are shown without their class, which guidance needs.
        flip: Whether images are mirrored left to right at random.
        widths: Channels of each level of the U-Net, for images; multiples of 8.
        blocks: Residual blocks a level.
        width: Units of a layer of the residual network, for vectors.
        depth: Its blocks.
    """

    steps: int = 2000
    batch_size: int = 128
    learning_rate: float = 2e-3
    clip_norm: float = 1.0
    average: float = 0.999
    unlabelled: float = 0.1
    flip: bool = False
    widths: tuple[int, ...] = (32, 64)
    blocks: int = 1
    width: int = 256
    depth: int = 3

    def __post_init__(self):
        """Refuse what no training can follow.

        Raises:
            ValueError: a value out of its range; the message names it.
        """
        for name in ("steps", "batch_size", "blocks", "width", "depth"):
            _given.whole(name, getattr(self, name), 1)
        for name in ("learning_rate", "clip_norm"):
            _checks.positive_value(name, getattr(self, name))
        for name in ("average", "unlabelled"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise ValueError(f"{name} must lie in [0, 1), got {getattr(self, name)!r}.")
        if not self.widths:
            raise ValueError("widths is empty: give the channels of at least one level.")
        for width in self.widths:
            _given.whole("widths", width, 1)
            if width % 8:
                raise ValueError(f"widths must be multiples of 8, got {width}.")
        object.__setattr__(self, "widths", tuple(int(width) for width in self.widths))
