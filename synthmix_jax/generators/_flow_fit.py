"""Training of a flow: whole stretches of steps in one compiled loop, batches shared by devices, resumable."""

import dataclasses
import functools
import hashlib
import os
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh, PartitionSpec
from jaxtyping import Float, Int, Shaped

from synthmix_jax import _agreement, _matching
from synthmix_jax._typing import Array, Key
from synthmix_jax.dataset import Dataset
from synthmix_jax.training import _sharding
from synthmix_jax.training._workdir import Workdir

from . import _flow_network
from ._flow_config import FlowConfig
from ._flow_network import Network
from ._seen import Seen

_STRETCH = 50  # steps between two looks at the loss
_SAVE_EVERY = 30.0  # seconds
_MOST_WARMUP = 500
_TAG = "flow"


class Unit(NamedTuple):
    """How points are standardised, each of the last axis of a point: mean, deviation, range of the data."""

    mean: Float[np.ndarray, " c"]
    scale: Float[np.ndarray, " c"]
    low: Float[np.ndarray, " c"]
    high: Float[np.ndarray, " c"]


class Points(NamedTuple):
    """What a flow is fitted to, on the devices.

    Attributes:
        x: Points as the network takes them (n, ...), uint8 or float32.
        y: Classes (n,).
        unit: How the points are standardised.
        key: Words of the PRNG key.
    """

    x: Shaped[Array, "n ..."]
    y: Int[Array, " n"]
    unit: Unit
    key: Shaped[Array, " words"]


@dataclasses.dataclass(frozen=True, eq=False)
class Problem:
    """The data checked and standardised, and the network."""

    x: Shaped[np.ndarray, "n ..."]
    y: Int[np.ndarray, " n"]
    unit: Unit
    seen: Seen
    network: Network


class State(NamedTuple):
    """Everything that changes in training; `total` is the sum of the losses since it was last looked at."""

    params: Any
    average: Any
    opt: Any
    step: Int[Array, ""]
    total: Float[Array, ""]


def problem(data: Dataset, config: FlowConfig) -> Problem:
    """Check the data and standardise them.

    Raises:
        ValueError: regression data, a class with fewer than two points, or numbers beyond float32.
    """
    _matching.refuse_maps("data", data)
    if data.num_classes is None:
        raise ValueError(
            "Flow needs class labels; data.y holds regression targets. ClassGaussian fits these."
        )
    y = np.asarray(data.y).astype(np.int32)
    few = np.flatnonzero(np.bincount(y, minlength=data.num_classes) < 2)
    if len(few) or not len(y):
        raise ValueError(
            f"class {few[0] if len(few) else 0} has fewer than two points, of which a flow can only learn copies: "
            "leave the class out, or give more."
        )
    shape = tuple(int(side) for side in data.x.shape[1:])
    x = np.asarray(data.x).reshape(len(data), *_flow_network.inner_shape(shape))
    if x.dtype != np.uint8:
        with np.errstate(over="ignore"):
            x = x.astype(np.float32)
        if not np.isfinite(x).all():
            raise ValueError(
                "data.x holds numbers beyond 3e38, the largest that float32 holds; rescale it."
            )
    unit = _unit(x, bounded=_flow_network.is_image(shape))
    return Problem(x, y, unit, Seen.of(data), Network(shape, data.num_classes, config))


def train(
    problem: Problem,
    lengths: Sequence[int],
    *,
    key: Key,
    workdir: str | os.PathLike[str] | None,
    mesh: Mesh | None,
    tell: Any,
) -> list[dict[str, np.ndarray]]:
    """Train, and keep the averaged parameters after each of the lengths.

    Returns:
        Averaged parameters for each length, on the host.

    Raises:
        ValueError: a batch that the devices cannot share, a workdir of other settings, or a loss that is not
            finite.
    """
    layout = _sharding.Layout(mesh or Mesh(np.array(jax.devices()[:1]), ("batch",)), 1)
    batch_size = problem.network.config.batch_size
    if batch_size % layout.num_devices:
        raise ValueError(
            f"batch_size is {batch_size}, which {layout.num_devices} devices cannot share evenly: "
            f"take a multiple of {layout.num_devices}."
        )
    words = np.asarray(_key_words(key))
    folder = None if workdir is None else Workdir(workdir, _settings(problem, words, lengths))
    try:
        return _train(problem, lengths, layout, words, folder, tell)
    finally:
        if folder is not None:
            folder.close()


def _train(problem, lengths, layout, words, folder, tell) -> list[dict[str, np.ndarray]]:
    fresh = _fresh(problem.network, words)
    kept, state = ({}, None) if folder is None else _earlier(folder, lengths, fresh)
    state = layout.repeat(fresh if state is None else state)
    advance = _program(problem.network, layout)
    points = layout.repeat(Points(problem.x, problem.y, problem.unit, words))
    saved = time.monotonic()
    step = int(state.step)
    for length in lengths:
        while step < length and length not in kept:
            until = min(step + _STRETCH, length)
            state = advance(state, np.int32(until), points)
            loss = float(state.total) / (until - step)
            if not np.isfinite(loss):
                raise ValueError(
                    f"the loss was not finite between steps {step} and {until}: lower learning_rate, or look for "
                    "extreme inputs."
                )
            state, step = state._replace(total=state.total * 0), until
            if tell is not None:
                tell(step, lengths[-1], f"flow, loss {loss:.3f}")
            if folder is not None and _agreement.least(time.monotonic() - saved) > _SAVE_EVERY:
                _save(folder, state)
                saved = time.monotonic()
        if length not in kept:
            kept[length] = jax.tree.map(np.asarray, state.average)
            if folder is not None:
                about = {"flow_steps": length, "arrays": list(kept[length])}
                folder.keep(length, kept[length], about)
                _save(folder, state)
    return [kept[length] for length in lengths]


@functools.partial(jax.jit, static_argnums=0)
def _fresh(network: Network, words: Array) -> State:
    seed = jax.random.bits(jax.random.wrap_key_data(jnp.asarray(words)), (), jnp.uint32)
    params = _flow_network.init(network, seed=seed)
    opt = _optimizer(network.config).init(params)
    return State(params, params, opt, jnp.zeros((), jnp.int32), jnp.zeros((), jnp.float32))


def _optimizer(config: FlowConfig) -> optax.GradientTransformation:
    rise = min(_MOST_WARMUP, max(config.steps // 100, 1))
    rate = optax.linear_schedule(config.learning_rate / rise, config.learning_rate, rise)
    return optax.chain(optax.clip_by_global_norm(config.clip_norm), optax.adam(rate))


@functools.lru_cache(maxsize=16)
def _program(network: Network, layout: _sharding.Layout) -> Any:
    """Train up to a step. All devices draw the same batch and take a part of it each."""
    optimizer = _optimizer(network.config)
    names, every = layout.mesh.axis_names, PartitionSpec()
    part = network.config.batch_size // layout.num_devices

    def step(state: State, points: Points) -> State:
        batch = _batch(network, points, state.step)
        start = jax.lax.axis_index(names) * part
        own = jax.tree.map(lambda a: jax.lax.dynamic_slice_in_dim(a, start, part), batch)
        loss, gradient = jax.value_and_grad(functools.partial(_loss, network))(state.params, own)
        loss, gradient = jax.lax.pmean((loss, gradient), names)
        update, opt = optimizer.update(gradient, state.opt, state.params)
        params = optax.apply_updates(state.params, update)
        # Less in the beginning, or the average would long hold the initial parameters.
        count = state.step.astype(jnp.float32)
        decay = jnp.minimum(network.config.average, (1.0 + count) / (10.0 + count))
        average = jax.tree.map(lambda a, p: decay * a + (1.0 - decay) * p, state.average, params)
        return State(params, average, opt, state.step + 1, state.total + loss)

    def local(state, until, points):
        return jax.lax.fori_loop(0, until - state.step, lambda _, s: step(s, points), state)

    shared = jax.shard_map(
        local, mesh=layout.mesh, in_specs=(every,) * 3, out_specs=every, check_vma=False
    )
    return jax.jit(shared, donate_argnums=(0,))


def _batch(network: Network, points: Points, step: Int[Array, ""]) -> tuple[Array, ...]:
    """Data, noise, times and labels of one step; a pure function of the key and the step."""
    x, y, unit, words = points
    config = network.config
    stream = jax.random.fold_in(jax.random.wrap_key_data(jnp.asarray(words)), step)
    keys = jax.random.split(stream, 5)
    size = (config.batch_size,)
    rows = jax.random.randint(keys[0], size, 0, len(y))
    chosen = x[rows]
    chosen = chosen / jnp.float32(255) if x.dtype == jnp.uint8 else chosen
    data = (chosen - unit.mean) / jnp.where(unit.scale > 0, unit.scale, 1.0)
    if config.flip and data.ndim == 4:
        mirrored = jax.random.bernoulli(keys[4], 0.5, size)[:, None, None, None]
        data = jnp.where(mirrored, data[:, :, ::-1], data)
    noise = jax.random.normal(keys[1], data.shape, jnp.float32)
    times = jax.random.uniform(keys[2], size, jnp.float32)
    hidden = jax.random.bernoulli(keys[3], config.unlabelled, size)
    return data, noise, times, jnp.where(hidden, network.num_classes, y[rows])


def _loss(network: Network, params: Any, batch: tuple) -> Float[Array, ""]:
    data, noise, times, labels = batch
    t = times.reshape(-1, *(1,) * (data.ndim - 1))
    found = _flow_network.velocity(network, params, (1.0 - t) * noise + t * data, times, labels)
    return jnp.mean(jnp.square(found - (data - noise)))


def _unit(x: np.ndarray, *, bounded: bool) -> Unit:
    axes = tuple(range(x.ndim - 1))
    divisor = 255.0 if x.dtype == np.uint8 else 1.0
    mean = x.mean(axis=axes, dtype=np.float64)
    # Not x.std: that would hold all images in float64.
    parts = [x[i : i + 4096].astype(np.float64) - mean for i in range(0, len(x), 4096)]
    variance = sum((part**2).sum(axis=axes) for part in parts) / (x.size / x.shape[-1])
    low, high = x.min(axis=axes), x.max(axis=axes)
    scale = np.where(low == high, 0.0, np.sqrt(variance))
    if not bounded:
        low, high = np.full(mean.shape, -np.inf), np.full(mean.shape, np.inf)
    return Unit(*(np.asarray(a / divisor, np.float32) for a in (mean, scale, low, high)))


def _settings(problem: Problem, words: np.ndarray, lengths: Sequence[int]) -> dict[str, Any]:
    """What the numbers depend on."""
    digest = hashlib.blake2b(digest_size=16)
    for array in (problem.x, problem.y):
        digest.update(np.ascontiguousarray(array).tobytes())
    return {
        "what": _TAG,
        "data": digest.hexdigest(),
        "points": len(problem.y),
        "shape": list(problem.network.shape),
        "classes": problem.network.num_classes,
        "key": words.tolist(),
        "config": dataclasses.asdict(problem.network.config),
        "platform": jax.default_backend(),
        "not_compared": {"lengths": list(lengths)},
    }


def _save(folder: Workdir, state: State) -> None:
    arrays = {name: np.asarray(leaf) for name, leaf in _leaves(state).items()}
    folder.checkpoint(0, int(state.step), arrays, {"arrays": list(arrays)})


def _earlier(folder: Workdir, lengths: Sequence[int], fresh: State) -> tuple[dict, State | None]:
    """Parameters kept before, and the state to go on from, if it has not passed a length that is still wanted."""
    kept = {about["flow_steps"]: params for params, about in folder.kept()}
    names = _leaves(fresh)
    arrays, _, _ = folder.newest(0, names)
    if arrays is None:
        return {length: kept[length] for length in lengths if length in kept}, None
    state = jax.tree.unflatten(jax.tree.structure(fresh), [arrays[name] for name in names])
    passed = [n for n in lengths if n not in kept and n < int(state.step)]
    return {n: kept[n] for n in lengths if n in kept}, None if passed else state


def _leaves(tree: Any) -> dict[str, Any]:
    paths = jax.tree_util.tree_flatten_with_path(tree)[0]
    return {f"{i:04d}{jax.tree_util.keystr(path)}": leaf for i, (path, leaf) in enumerate(paths)}


def _key_words(key: Key) -> Any:
    if not isinstance(key, jax.Array | np.ndarray) or not key.size:
        raise ValueError(f"key must be a PRNG key such as jax.random.key(0), got {key!r}.")
    typed = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    return jax.random.key_data(key) if typed else key
