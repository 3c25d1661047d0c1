"""The last hidden layer of a trained network: what its final linear layer is given.

The Fréchet and kernel Inception distances compare images by such features; here the network is the caller's choice.
"""

import dataclasses
import functools
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Shaped

from synthmix_jax._typing import Array
from synthmix_jax.features import _rows

Path = tuple[str | int, ...]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class LastLayer:
    """The input of a linear layer of a Flax NNX module, in evaluation mode.

    The module is copied when this is made: it is never changed, and training it further changes no features.
    Dropout is off and batch normalisation uses its running statistics.

    Attributes:
        model: An `nnx.Module` that is called with images or vectors (n, ...) in float32.
        layer: Where the linear layer stands, such as "head" or "blocks.1.linear"; None for the last `nnx.Linear`
            in the order in which attributes were defined. Afterwards the place that was found.
        block_size: Points at a time.

    Raises:
        ValueError: `model` is no `nnx.Module`, it has no `nnx.Linear`, or none stands at `layer`.
    """

    model: dataclasses.InitVar[Any]
    layer: Any = None
    block_size: _rows.Whole = dataclasses.field(default=256, kw_only=True)
    _name: str = dataclasses.field(init=False)
    _state: Any = dataclasses.field(init=False)
    _run: Callable[[Any, Any], jax.Array] = dataclasses.field(init=False)

    def __post_init__(self, model: Any) -> None:
        from flax import nnx  # here, not above: `import synthmix_jax` stays light

        _rows.whole("block_size", self.block_size, least=1, remedy="The default is 256.")
        path = _find(model, self.layer)
        # Buffers are copied too: a training step that donates its arguments deletes the caller's.
        copy = nnx.clone(model, arrays=True, graph=True)
        copy.eval()
        graph, state = nnx.split(copy, graph=True)
        set_ = functools.partial(object.__setattr__, self)
        set_("layer", _dotted(path))
        set_("_name", type(model).__name__)
        set_("_state", state)
        set_("_run", jax.jit(functools.partial(_input_of_layer, graph, path)))

    def __call__(self, x: Shaped[Array, "n ..."]) -> Float[Array, "n d"]:
        """What the layer is given for each point, computed in float32.

        Args:
            x: Points (n, ...) of the shape the model takes; uint8 counts as x / 255.

        Returns:
            Features (n, d) in float32.

        Raises:
            ValueError: the model does not take points of this shape, does not use the layer or gives it
                anything but one vector a point, no rows, or non-finite values.
        """
        x = _rows.checked(x)
        self._check_shapes(x.shape[1:])
        with jax.default_matmul_precision("highest"):
            run = functools.partial(self._run, self._state)
            return _rows.in_blocks(run, x, self.block_size)

    def _check_shapes(self, shape: tuple[int, ...]) -> None:
        """Trace two points before any are computed, so that errors say what is wrong."""
        from flax.errors import TraceContextError

        try:
            given = jax.eval_shape(
                self._run, self._state, jax.ShapeDtypeStruct((2, *shape), np.float32)
            )
        except TraceContextError as error:
            raise ValueError(
                f"layer {self.layer!r} of {self._name} is called inside a transformation of the model's "
                "own (jit, scan, vmap, remat), where its input cannot be read. Name another layer."
            ) from error
        except _LayerNotUsedError as error:
            raise ValueError(
                f"{self._name} does not use layer {self.layer!r} when it is called. Name the layer that "
                "gives the output."
            ) from error
        except Exception as error:  # whatever the model raises on a wrong shape
            raise ValueError(
                f"{self._name} cannot be called with x of shape (n, {', '.join(map(str, shape))}): "
                f"{error}. Give points of the shape it was trained on."
            ) from error
        if given.ndim != 2 or given.shape[0] != 2:
            raise ValueError(
                f"layer {self.layer!r} of {self._name} is given an array of shape {given.shape} for two "
                "points instead of one vector a point. Name a layer behind pooling or flattening."
            )

    def __repr__(self) -> str:
        return f"LastLayer({self._name}, layer={self.layer!r})"


class _LayerNotUsedError(Exception):
    """The model ran without calling the layer."""


def _input_of_layer(graph: Any, path: Path, state: Any, x: jax.Array) -> jax.Array:
    """Run a throw-away model whose layer notes its input where it casts it.

    `promote_dtype` is an argument of `nnx.Linear` that sees the input first; setting it leaves the
    tree of modules, and weights that are shared, as they are. XLA drops what the input does not need.
    """
    from flax import nnx

    model = nnx.merge(graph, state)
    layer = _at(model, path)
    promote = layer.promote_dtype
    # A module, not a list: it refuses values from inside another transformation.
    notes = nnx.Dict(seen=None)

    def noting(arrays: Any, **options: Any) -> Any:
        notes.seen = nnx.data(arrays[0])
        return promote(arrays, **options)

    layer.promote_dtype = noting
    model(x)
    if notes.seen is None:
        raise _LayerNotUsedError
    return jnp.asarray(notes.seen, jnp.float32)


def _find(model: Any, name: Any) -> Path:
    """The path of the layer asked for, or of the last one."""
    from flax import nnx

    if not isinstance(model, nnx.Module):
        raise ValueError(
            f"model must be a flax.nnx.Module, got {type(model).__name__}. For other networks, pass a "
            "function (n, ...) -> (n, d) wherever features are taken."
        )
    paths = list(_linear_layers(model, (), nnx.Module, nnx.Linear, set()))
    known = ", ".join(map(repr, map(_dotted, paths)))
    if not paths:
        raise ValueError(
            f"model {type(model).__name__} holds no nnx.Linear. Give a model that ends in one, or pass a "
            "function (n, ...) -> (n, d) wherever features are taken."
        )
    if name is None:
        return paths[-1]
    for path in paths:
        if _dotted(path) == name:
            return path
    raise ValueError(f"layer must name an nnx.Linear of the model, one of {known}; got {name!r}.")


def _linear_layers(
    node: Any, path: Path, module: type, linear: type, visited: set[int]
) -> Iterator[Path]:
    """Paths of linear layers in order of definition; `nnx.iter_modules` and copies sort by name.

    A layer that stands at two places is met at the first.
    """
    if id(node) in visited:
        return
    visited.add(id(node))
    if isinstance(node, linear):
        yield path
        return
    for key, child in _children(node, module):
        yield from _linear_layers(child, (*path, key), module, linear, visited)


def _children(node: Any, module: type) -> Iterator[tuple[str | int, Any]]:
    if isinstance(node, module):
        yield from ((k, v) for k, v in vars(node).items() if not k.startswith("_pytree__"))
    elif isinstance(node, Mapping):
        yield from node.items()
    elif isinstance(node, list | tuple):
        yield from enumerate(node)


def _at(node: Any, path: Path) -> Any:
    for key in path:
        held = isinstance(node, Mapping | list | tuple)
        node = operator.getitem(node, key) if held else getattr(node, str(key))
    return node


def _dotted(path: Path) -> str:
    return ".".join(map(str, path))
