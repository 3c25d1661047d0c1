"""One model, pure: its state, one step, an evaluation. Populations are made of these by `vmap` and `lax.map`."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jaxtyping import Float, Int, Shaped

from synthmix_jax._typing import Array

from . import _augment, _optimizers
from ._config import Config
from ._objective import Objective, masked, objective

EVALUATION_BLOCK = 512
MAPS_BLOCK = 32  # a U-Net holds many channels of every pixel
_AUGMENTATION = 0xF11B


class Points(NamedTuple):
    """Points on the device, and how they are standardised.

    Attributes:
        x: Inputs (N, ...), uint8 or float32.
        y: Labels (N,) int32, label maps (N, h, w[, d]), or standardised targets (N, k) float32.
        mean: Of the inputs; broadcasts against one point.
        scale: Deviation of the inputs.
        y_scale: Deviation of the targets (k,): errors are given in their units. Ones for labels.
    """

    x: Shaped[Array, "N ..."]
    y: Shaped[Array, "N ..."]
    mean: Float[Array, "..."]
    scale: Float[Array, "..."]
    y_scale: Float[Array, " k"]


class Cell(NamedTuple):
    """What makes a model different from its neighbours: data, not shapes.

    Attributes:
        init_seed: Seed of the parameters.
        order_seed: Seed of the augmentation.
        num_steps: Steps of the whole training.
        weights: Weight of a point of each group in a batch's mean loss (g,): real, synthetic, target.
        validation: Rows of the pool held out (v,).
    """

    init_seed: Shaped[Array, "..."]
    order_seed: Shaped[Array, "..."]
    num_steps: Int[Array, "..."]
    weights: Float[Array, "..."]
    validation: Int[Array, "..."]


class Kept(NamedTuple):
    """Parameters, the rest of the model (statistics, noise), and what they score on held-out points."""

    params: Any
    rest: Any
    step: Shaped[Array, "..."]
    error: Shaped[Array, "..."]
    loss: Shaped[Array, "..."]


class ModelState(NamedTuple):
    """Everything that changes in training.

    Attributes:
        params: Parameters, float32.
        rest: Batch statistics and random streams of the model.
        opt: State of the optimiser.
        step: Steps taken.
        failed: Step at which a loss was not finite, or -1. A failed model stands still.
        kept: The chosen evaluation.
    """

    params: Any
    rest: Any
    opt: Any
    step: Shaped[Array, "..."]
    failed: Shaped[Array, "..."]
    kept: Kept


class Scores(NamedTuple):
    """An evaluation: the step, mean training loss since the last one, error and loss on held-out points."""

    step: Shaped[Array, "..."]
    train_loss: Shaped[Array, "..."]
    error: Shaped[Array, "..."]
    loss: Shaped[Array, "..."]


@dataclasses.dataclass(frozen=True, eq=False)
class Trainer:
    """The pure functions of one model: `init`, `advance`, `evaluate`.

    Attributes:
        model: Makes the Flax module from `nnx.Rngs`.
        config: How it is trained.
        starts: Rows of the pool at which the groups after the first begin (g - 1,).
        classes: Number of classes, or None for regression.
        dense: Whether labels are maps.
    """

    model: Callable[[Any], Any]
    config: Config
    starts: tuple[int, ...]
    classes: int | None
    dense: bool = False
    graph: Any = dataclasses.field(init=False)
    noise: Any = dataclasses.field(init=False)
    name: str = dataclasses.field(init=False)
    optimizer: optax.GradientTransformation = dataclasses.field(init=False)
    objective: Objective = dataclasses.field(init=False)

    def __post_init__(self):
        """Trace the model once; its structure is the same for every seed.

        Raises:
            ValueError: `model` cannot be called with `nnx.Rngs` alone, or makes no `nnx.Module`.
        """
        abstract = _traced(self.model)
        graph, _, rest = nnx.split(abstract, nnx.Param, ...)
        set_ = functools.partial(object.__setattr__, self)
        set_("graph", graph)
        set_("noise", jax.tree.map(_is_key, rest))
        set_("name", type(abstract).__name__)
        set_("optimizer", _optimizers.optimizer(self.config))
        set_("objective", objective(self.classes, dense=self.dense, dice=self.config.dice))

    def init(self, cell: Cell) -> ModelState:
        """A fresh model and its optimiser."""
        params, rest = self.fresh(cell.init_seed)
        zero, never = jnp.zeros((), jnp.int32), jnp.full((), jnp.inf, jnp.float32)
        kept = Kept(params, rest, zero, never, never)
        return ModelState(params, rest, self.optimizer.init(params), zero, zero - 1, kept)

    def state_structure(self) -> ModelState:
        """Shapes of one model's state, which are those of every seed."""
        nothing = dict.fromkeys(Cell._fields)
        return jax.eval_shape(
            lambda seed: self.init(Cell(**{**nothing, "init_seed": seed})),
            jax.ShapeDtypeStruct((), jnp.uint32),
        )

    def fresh(self, seed: Shaped[Array, ""]) -> tuple[Any, Any]:
        """Initial parameters, and the rest of the model."""
        made = self.model(nnx.Rngs(jax.random.key(seed)))
        _, params, rest = nnx.split(made, nnx.Param, ...)
        return params, _raw(rest)

    def advance(
        self, state: ModelState, cell: Cell, table: Int[Array, "t b"], until: Array, pool: Points
    ) -> tuple[ModelState, Scores]:
        """Train up to step `until`, at most len(table) steps on, then evaluate and keep the better.

        Args:
            state: The model.
            cell: Its data.
            table: Rows of its next batches; those beyond `until` are not read.
            until: Steps taken when this ends.
            pool: All points.
        """
        # A loop of as many steps as the data say. Not a scan with `cond`: on a CPU a branch around the step
        # makes it 1.8 times as slow.
        begun = state.step

        def step(number, carry):
            state, total = carry
            new, loss = self._step(state, cell, table[number], pool)
            live = state.failed < 0
            state = jax.tree.map(lambda a, b: jnp.where(live, a, b), new, state)
            return state, total + jnp.where(live, loss, 0.0)

        zero = jnp.zeros((), jnp.float32)
        # A model that failed before takes none: counted from where it stands, they would grow.
        steps = jnp.where(state.failed < 0, until - begun, 0)
        state, total = jax.lax.fori_loop(0, steps, step, (state, zero))
        error, loss = self.evaluate(state.params, state.rest, cell.validation, pool)
        failed = jnp.where((state.failed < 0) & ~jnp.isfinite(loss), state.step, state.failed)
        better = (failed < 0) & ((error <= state.kept.error) | (self.config.choose == "last"))
        now = Kept(state.params, state.rest, state.step, error, loss)
        kept = jax.lax.cond(better, lambda: now, lambda: state.kept)
        # A model that stands still has no training loss.
        taken = state.step - begun
        mean = jnp.where(taken > 0, total / jnp.maximum(taken, 1), jnp.nan)
        scores = Scores(state.step, mean, error, loss)
        return state._replace(kept=kept, failed=failed), scores

    def _step(
        self, state: ModelState, cell: Cell, rows: Int[Array, " b"], pool: Points
    ) -> tuple[ModelState, Float[Array, ""]]:
        config = self.config
        # Twice folded: one seed for everything must not draw what the model's own streams draw.
        stream = jax.random.fold_in(jax.random.key(cell.order_seed), _AUGMENTATION)
        key = jax.random.fold_in(stream, state.step)
        augment = {"key": key, "flip": config.flip, "shift": config.shift}
        x = _augment.batch(pool.x, rows, pool.mean, pool.scale, **augment)
        y = _augment.moved(pool.y, rows, **augment) if self.dense else pool.y[rows]
        weight = cell.weights[-1]
        for group, start in reversed(list(enumerate(self.starts))):
            weight = jnp.where(rows < start, cell.weights[group], weight)

        def loss_of(params):
            out, rest = self.apply(params, state.rest, x, train=True)
            return self.objective.batch(out, y, weight, config.label_smoothing), rest

        (loss, rest), gradient = jax.value_and_grad(loss_of, has_aux=True)(state.params)
        update, opt = self.optimizer.update(gradient, state.opt, state.params)
        rate = _optimizers.learning_rate(config, state.step, cell.num_steps)
        params = jax.tree.map(lambda p, u: (p + rate * u).astype(p.dtype), state.params, update)
        new = state._replace(params=params, rest=rest, opt=opt, step=state.step + 1)
        bad = ~jnp.isfinite(loss)
        return new._replace(failed=jnp.where(bad, state.step, state.failed)), loss

    def evaluate(
        self, params: Any, rest: Any, rows: Int[Array, " v"], points: Points
    ) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """Error (misclassified, squared in the targets' units, or of Dice) and mean loss on rows of `points`."""
        blocks, inside = _blocks(rows, MAPS_BLOCK if self.dense else EVALUATION_BLOCK)

        def block(total, rows_and_inside):
            rows, inside = rows_and_inside
            x = _augment.batch(points.x, rows, points.mean, points.scale)
            out, _ = self.apply(params, rest, x, train=False)
            y = points.y[rows]
            return total + masked(self.objective.sums(out, y, points.y_scale), inside), None

        none = jnp.zeros(self.objective.size, jnp.float32)
        total, _ = jax.lax.scan(block, none, (blocks, inside))
        loss, error = (of(total, len(rows)) for of in (self.objective.loss, self.objective.error))
        # Scores that are no numbers misclassify nothing in particular.
        return jnp.where(jnp.isfinite(loss), error, jnp.nan), loss

    def assemble(self, trained: tuple[Any, Any]) -> nnx.Module:
        """The module of parameters and the rest of the model, in evaluation mode."""
        params, rest = trained
        model = nnx.merge(self.graph, jax.tree.map(jnp.asarray, params), self._typed(rest))
        model.eval()
        return model

    def apply(self, params: Any, rest: Any, x: Array, *, train: bool) -> tuple[Array, Any]:
        """Outputs for standardised inputs, and the rest of the model thereafter."""
        model = nnx.merge(self.graph, params, self._typed(rest))
        model.train() if train else model.eval()
        out = model(x).astype(jnp.float32)
        _, _, rest = nnx.split(model, nnx.Param, ...)
        return out, _raw(rest)

    def _typed(self, rest: Any) -> Any:
        return jax.tree.map(
            lambda a, key: jax.random.wrap_key_data(jnp.asarray(a)) if key else jnp.asarray(a),
            rest,
            self.noise,
        )


def _traced(model: Callable[[Any], Any]) -> nnx.Module:
    remedy = "pass what takes nnx.Rngs and nothing else: lambda rngs: Network(10, rngs=rngs)."
    try:
        abstract = nnx.eval_shape(lambda: model(nnx.Rngs(0)))
    except Exception as error:  # whatever the model raises
        raise ValueError(f"model cannot be called with nnx.Rngs ({error}): {remedy}") from error
    if not isinstance(abstract, nnx.Module):
        raise ValueError(
            f"model makes no flax.nnx.Module but a {type(abstract).__name__}: {remedy}"
        )
    return abstract


def _blocks(rows: Int[Array, " v"], most: int) -> tuple[Int[Array, "g b"], Shaped[Array, "g b"]]:
    """Rows in blocks of equal size, at most `most`, and which of their places are meant."""
    width = min(most, len(rows))
    number = -(-len(rows) // width)
    padded = jnp.resize(rows, (number * width,))
    inside = jnp.arange(number * width) < len(rows)
    return padded.reshape(number, width), inside.reshape(number, width)


def _raw(tree: Any) -> Any:
    """PRNG keys as plain numbers: states are gathered, stored and compared like any other array."""
    return jax.tree.map(lambda a: jax.random.key_data(a) if _is_key(a) else a, tree)


def _is_key(array: Any) -> bool:
    return jnp.issubdtype(array.dtype, jax.dtypes.prng_key)
