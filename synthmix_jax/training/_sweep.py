"""`sweep`: networks at many ratios of synthetic to real data and many seeds, trained as one population."""

import dataclasses
import math
import os
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from synthmix_jax import _agreement, _checks, _free_memory
from synthmix_jax._typing import Numbers
from synthmix_jax.dataset import Dataset

from . import _describe, _plan, _points
from ._book import Book
from ._config import Config, Seeds
from ._predictor import Standardization
from ._result import Result
from ._run import Meter as _Meter
from ._run import Progress as Progress
from ._run import Run
from ._sharding import Layout
from ._step import Trainer
from ._workdir import Workdir


def sweep(
    model: Callable[[Any], Any],
    real: Dataset,
    synthetic: Dataset | None,
    *,
    test: Dataset | None,
    ratios: Numbers | None = None,
    shares: Any = None,
    seeds: int | Sequence[int] | Seeds,
    config: Config | None = None,
    target: Dataset | None = None,
    validation: Dataset | None = None,
    workdir: str | os.PathLike[str] | None = None,
    mesh: Mesh | None = None,
    keep_models: bool = False,
    memory_limit: float | int | None = None,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
) -> Result:
    """Train one network for every ratio and seed, all in one compiled program, and score each on real data.

    Every repetition draws its real training points, its held-out real points and the order of the synthetic pool
    by its data seed; all ratios share them, the initial parameters, the order of the points they have in
    common and the augmentation, so that differences between ratios are paired. The parameters of the evaluation
    with the least validation error are kept; `test` is scored once, with those.

    A model's numbers depend on nothing but its own data, seeds and configuration: not on the other models, on how
    they are batched, on the number of devices, or on interruptions (to rounding, where a different
    program does the arithmetic).

    Args:
        model: From `flax.nnx.Rngs` to a Flax NNX module that maps (b, ...) to scores (b, classes) or targets
            (b, k); images without channels are given one. `lambda rngs: smx.models.SmallCNN(10, rngs=rngs)`.
        real: Real points, to train on and to hold out; with `target` those of the source, none of
            which is held out. With label maps (`Dataset.dense`) the network segments: it maps (b, h, w, c) to
            scores of every pixel (b, h, w, classes), as `models.UNet` does.
        synthetic: The pool of synthetic points; None where all ratios are 0. Uint8 images on both sides stay
            uint8 on the device.
        test: Real points that nothing is chosen by; None for none.
        ratios: Ratios of synthetic to real training points (r,), each once; `Config.mixing` says what they mean.
            With `target`: to source points, and mixing "count"; the target points join every model, each with
            `Config.target_weight` in the loss.
        shares: Instead of ratios: the share of the loss that source, target and synthetic points have (r, 3), rows
            that sum to one, each once. All points of a group of positive share are used, and every batch holds
            places of each; a share of 0 leaves a group out.
        seeds: Number of repetitions, a list of seeds, or `Seeds` for each kind of randomness apart.
        config: How to train; default `Config()`.
        target: Labelled real points of the domain the network is for, where `real` is from another one (the
            source). Some are held out to choose by (`Config.num_validation`, default a fifth), the others are
            trained on.
        validation: Real points to choose by, instead of held-out ones of `real` or `target`: where points are
            not independent (patches of one patient, say), only the caller knows what may be held out.
        workdir: Folder (local or gs://) that records the run as it goes. The same call resumes there, with the
            same numbers; other settings are refused.
        mesh: Devices to spread the models over; None for all of them, of all processes (`jax.distributed`).
        keep_models: Whether `Result.model` gives the trained networks.
        memory_limit: Bytes of one device the program may hold; None for nine tenths of what is free. A
            population that needs more is trained in chunks, one after the other, and the log says so.
        progress: Called as progress(done, total, what) after every evaluation, in steps of all models.
        stop: Asked once programs are compiled, and after every evaluation, once its state is stored in `workdir`,
            whether to end here: where a machine is about to be taken away, say. Of several processes all give
            one, and all stop where one of them says so.

    Returns:
        Errors (r, s), histories and status of each cell.

    Raises:
        ValueError: data that do not match each other or the model, labels outside the classes, a ratio that
            needs more synthetic points than exist, shares of a group that is not there, ratios
            and shares or neither, no seeds, a workdir that cannot be written to or holds another
            sweep, or a model that does not fit into memory.
        Stopped: `stop` said so.

    References:
        The question, shidani2026; nested subsets and paired streams are derived here.
    """
    config = Config() if config is None else config
    seeds = Seeds.of(seeds)
    with jax.enable_x64(False):  # the same numbers whatever the caller's flag
        _check(model, config, mesh)
        _points.check(real, synthetic, test, config, validation, target)
        held_out = 0 if validation is None else len(validation)
        groups = {"target": target, "shares": shares}
        plan = _plan.make_plan(real, synthetic, ratios, seeds, config, held_out, **groups)
        points = _points.pooled(real, synthetic, config, validation, target)
        trainer = Trainer(model, config, plan.starts, real.num_classes, real.dense)
        network = _describe.describe(trainer, points)
        layout = _layout(mesh, config)
        data = {"real": real, "synthetic": synthetic, "test": test}
        more = {"target": target, "validation": validation}
        data |= {name: given for name, given in more.items() if given is not None}
        settings = _describe.settings(plan, network, data, keep_models, layout)
        folder = None if workdir is None else Workdir(workdir, settings)
        try:
            book = Book(plan, trainer, folder, keep_models)
            real_ones = _points.both(real, target)
            on_test = None if test is None else _points.like(points, test, real_ones, config)
            limit = _limit(layout, memory_limit)
            run = Run(plan, trainer, layout, points, on_test, book, limit, stop)
            log = run(_Meter(plan, progress))
            unit = Standardization(
                points.mean, points.scale, *_points.target_moments(real_ones, config)
            )
            return book.result(settings, log, unit)
        finally:
            if folder is not None:
                folder.close()


def _check(model: Any, config: Any, mesh: Any) -> None:
    if not callable(model):
        raise ValueError(
            f"model must be a callable from nnx.Rngs to a module, got {type(model).__name__}: "
            "lambda rngs: smx.models.SmallCNN(10, rngs=rngs)."
        )
    if hasattr(model, "train") and hasattr(model, "eval") and not isinstance(model, type):
        raise ValueError(
            "model is a network already; every seed needs one of its own. Pass what makes it: "
            "lambda rngs: smx.models.SmallCNN(10, rngs=rngs)."
        )
    if not isinstance(config, Config):
        raise ValueError(
            f"config must be a training.Config, got {type(config).__name__}: Config(steps=1000)."
        )
    if mesh is not None and not isinstance(mesh, Mesh):
        raise ValueError(
            f"mesh must be a jax.sharding.Mesh, or None for all devices, got {type(mesh).__name__}."
        )
    if mesh is not None and not mesh.local_devices:
        raise ValueError(
            f"mesh holds no device of process {jax.process_index()}: give every process a part of it."
        )


def _layout(mesh: Mesh | None, config: Config) -> Layout:
    mesh = Mesh(np.array(jax.devices()), ("models",)) if mesh is None else mesh
    layout = Layout(mesh, 1)
    # Measured on CPU: one model's activations stay in the cache. Elsewhere not measured: a few models
    # fill the device without multiplying its memory.
    default = 1 if layout.platform == "cpu" else 8
    return dataclasses.replace(layout, at_once=config.models_at_once or default)


def _limit(layout: Layout, given: float | int | None) -> float | None:
    """Bytes of one device."""
    if given is not None:
        return _checks.positive_value("memory_limit", given)
    mine = [d for d in layout.mesh.devices.flat if d.process_index == jax.process_index()]
    free = _free_memory.available(mine[0]) if mine else None
    # Virtual devices of a CPU share its memory. All processes must split alike.
    share = len(mine) if layout.platform == "cpu" else 1
    limit = _agreement.least(math.inf if free is None else 0.9 * free / share)
    return None if math.isinf(limit) else limit
