"""Class-conditional flow matching: a velocity field that carries noise to data [lipman2023, liu2023].

A point x of the data and noise z are joined by the line x_t = (1 - t) z + t x, whose velocity is x - z. A network
v(x_t, t, class) fitted to it by least squares learns the mean velocity, and the ordinary differential equation
dx/dt = v(x, t, class) from noise at t = 0 ends at t = 1 in samples of the class.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Float, Shaped

from synthmix_jax import _checks
from synthmix_jax._typing import Array, Key
from synthmix_jax.dataset import Dataset

from . import _flow_fit, _flow_sampler, _given
from ._flow_config import FlowConfig
from ._seen import Seen

Progress = Callable[[int, int, str], None]
Sampler = Literal["heun", "adaptive"]


@dataclass(frozen=True, eq=False)
class Flow:
    """A fitted flow. `dataclasses.replace` sets how it is sampled: `sampler`, `sampler_steps`, `guidance`.

    Attributes:
        params: Moving average of the network's parameters, by name.
        mean: What is added to a sample: means of the channels of images, of each number of vectors.
        scale: What it is multiplied by before; zero for what is constant in the data.
        low: Least values of the data: samples of images are clipped to them. Minus infinity for vectors.
        high: Greatest values.
        num_classes: Number of classes.
        shape: Shape of one sample.
        config: Of the network and its training.
        steps: Steps it was trained for.
        seen: Record of the points it was fitted on.
        sampler: "heun" (`sampler_steps` even steps of Heun's method, two evaluations each) or "adaptive"
            (Dormand and Prince's method of order 5, relative and absolute tolerance 1e-3 over a block of samples).
        sampler_steps: Steps of Heun's method.
        guidance: Weight of classifier-free guidance: 0 for samples of the class as they are; above, ever more
            typical and ever less varied ones.
    """

    params: dict[str, Array] = field(repr=False)
    mean: Float[Array, "..."] = field(repr=False)
    scale: Float[Array, "..."] = field(repr=False)
    low: Float[Array, "..."] = field(repr=False)
    high: Float[Array, "..."] = field(repr=False)
    num_classes: int
    shape: tuple[int, ...]
    config: FlowConfig
    steps: int
    seen: Seen
    sampler: Sampler = "heun"
    sampler_steps: int = 20
    guidance: float = 0.0

    @property
    def fitted_on(self) -> int:
        """Number of points it was fitted on."""
        return len(self.seen)

    @classmethod
    def fit(
        cls,
        data: Dataset,
        *,
        key: Key,
        config: FlowConfig | None = None,
        workdir: str | os.PathLike[str] | None = None,
        mesh: Mesh | None = None,
        progress: Progress | None = None,
    ) -> "Flow":
        """Train on labelled points.

        Args:
            data: Images (n, h, w[, c]) for a U-Net; points of any other shape for a residual network. uint8
                counts as x / 255. At least two points a class.
            key: PRNG key of parameters, batches and noise.
            config: Network and training; default `FlowConfig()`.
            workdir: Folder that records the training as it goes; the same call goes on there, with the same
                numbers. Local or gs://.
            mesh: Devices that share each batch; None for the first one.
            progress: Called as progress(done, total, what).

        Raises:
            ValueError: regression data, a class with fewer than two points, a batch that the devices cannot share,
                a workdir of other settings, or a loss that is not finite.
        """
        config = FlowConfig() if config is None else config
        (flow,) = cls.ladder(
            data,
            lengths=(config.steps,),
            key=key,
            config=config,
            workdir=workdir,
            mesh=mesh,
            progress=progress,
        )
        return flow

    @classmethod
    def ladder(
        cls,
        data: Dataset,
        *,
        lengths: Sequence[int],
        key: Key,
        config: FlowConfig | None = None,
        workdir: str | os.PathLike[str] | None = None,
        mesh: Mesh | None = None,
        progress: Progress | None = None,
    ) -> "tuple[Flow, ...]":
        """Flows of several training lengths out of one training: a ladder of quality.

        Args:
            data: As for `fit`.
            lengths: Steps after which a flow is kept, rising; `config.steps` only sets the rise of the learning
                rate.
            key: As for `fit`.
            config: As for `fit`.
            workdir: As for `fit`.
            mesh: As for `fit`.
            progress: As for `fit`.

        Returns:
            One flow for each length; the one of `config.steps` is what `fit` gives.

        Raises:
            ValueError: lengths that do not rise, and as `fit`.
        """
        config = FlowConfig() if config is None else config
        wanted = _checks.count_values("lengths", lengths, largest=2**31 - 1).tolist()
        if wanted[0] < 1:
            raise ValueError(f"lengths must be at least 1 step, got {wanted[0]}.")
        problem = _flow_fit.problem(data, config)
        rungs = _flow_fit.train(problem, wanted, key=key, workdir=workdir, mesh=mesh, tell=progress)
        unit = problem.unit
        return tuple(
            cls(
                {name: jnp.asarray(leaf) for name, leaf in params.items()},
                *(
                    jnp.asarray(a, jnp.float32)
                    for a in (unit.mean, unit.scale, unit.low, unit.high)
                ),
                num_classes=problem.network.num_classes,
                shape=problem.network.shape,
                config=config,
                steps=length,
                seen=problem.seen,
            )
            for length, params in zip(wanted, rungs, strict=True)
        )

    def __post_init__(self):
        """Check how it is sampled.

        Raises:
            ValueError: an unknown sampler, no steps, or a negative guidance.
        """
        _checks.one_of("sampler", self.sampler, ("heun", "adaptive"))
        if self.sampler_steps < 1:
            raise ValueError(f"sampler_steps must be at least 1, got {self.sampler_steps}.")
        if not 0.0 <= self.guidance < np.inf:
            raise ValueError(f"guidance must be zero or more and finite, got {self.guidance!r}.")
        if self.guidance and not self.config.unlabelled:
            raise ValueError(
                f"guidance is {self.guidance:g}, but the flow was trained with unlabelled=0 and knows no points "
                "without their class: train it with unlabelled=0.1, or leave guidance at 0."
            )

    def sample(self, labels: Shaped[Array, "..."], *, key: Key) -> jax.Array:
        """Draw one input a label, in blocks of equal size.

        Args:
            labels: Classes to draw from (m,).
            key: PRNG key.

        Returns:
            Inputs (m, ...) in float32, on the scale of the data fitted on (0..1 for uint8 images); NaN where the
            adaptive sampler did not come to its end.

        Raises:
            ValueError: labels that are no whole numbers (m,), or one of no class (checked outside `jit`).
        """
        _given.labels(labels, self.num_classes)
        return _flow_sampler.sample(self, jnp.asarray(labels), key)


jax.tree_util.register_dataclass(
    Flow,
    data_fields=["params", "mean", "scale", "low", "high"],
    meta_fields=[
        "num_classes",
        "shape",
        "config",
        "steps",
        "seen",
        "sampler",
        "sampler_steps",
        "guidance",
    ],
)
