"""A population of networks against what it replaces, side by side in one run.

    python -m benchmarks.training               # CPU: one step of 8 SmallCNNs; two minutes on two cores
    python -m benchmarks.training --quick       # two models, two rounds; seconds
    python -m benchmarks.training --preset gpu  # 64 ResNet9s; one ResNet9 to 94 % of CIFAR-10 (needs its images)

CPU. Ours: `smx.training.sweep`, one model after the other inside one program, with the gathering of batches and
the optimiser, everything but compilation. Peers, in the same rounds: PyTorch (CPU build of 2.13, channels last, the
same architecture, batches ready in memory), model by model; and Flax NNX with XLA's own convolution, a jitted step
a model. All take SGD steps with Nesterov momentum at batch 64 on 32 x 32 x 3 images. Times are medians over
rounds; a
round of ours is the steps between two evaluations, an evaluation of ten points included.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

import synthmix_jax as smx
from benchmarks import _suite
from benchmarks._record import provenance, write_json
from synthmix_jax import models

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Config:
    """Size of the problem on a CPU.

    Attributes:
        models: Networks.
        batch: Images a step.
        steps: Steps of each network a round.
        rounds: Rounds timed; one more comes first.
        widths: Channels of the network; None for its own.
    """

    models: int = 8
    batch: int = 64
    steps: int = 4
    rounds: int = 10
    widths: tuple[int, ...] | None = None


QUICK = Config(models=2, batch=16, steps=2, rounds=2, widths=(8, 16))
TINY = Config(models=2, batch=8, steps=2, rounds=2, widths=(4,))


def build(config: Config, method: str = "auto") -> Callable[[nnx.Rngs], models.SmallCNN]:
    """The network of all ways."""
    options: dict[str, Any] = {} if config.widths is None else {"widths": config.widths}
    return lambda rngs: models.SmallCNN(10, method=method, **options, rngs=rngs)


def compare(config: Config, peers: dict[str, Callable[[], None]]) -> dict[str, Any]:
    """Seconds of one step of all networks: ours between evaluations, and after each the peers'."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (1000, 32, 32, 3), np.uint8)
    data = smx.Dataset(x, rng.integers(0, 10, 1000), num_classes=10)
    for run in peers.values():
        run()
    seconds: dict[str, list[float]] = {"ours": [], **{name: [] for name in peers}}
    since = [0.0]

    def round_of_peers(done: int, total: int, what: str) -> None:
        if done:
            seconds["ours"].append(time.perf_counter() - since[0])
            for name, run in peers.items():
                start = time.perf_counter()
                run()
                seconds[name].append(time.perf_counter() - start)
        since[0] = time.perf_counter()

    rounds = config.rounds + 1
    training = smx.training.Config(
        steps=rounds * config.steps,
        evaluations=rounds,
        batch_size=config.batch,
        num_validation=10,
        choose="last",
    )
    smx.training.sweep(
        build(config),
        data,
        None,
        test=None,
        ratios=[0.0],
        seeds=config.models,
        config=training,
        progress=round_of_peers,
    )
    # The first round of ours holds the compilation.
    compilation = seconds["ours"][0] - float(np.median(seconds["ours"][1:]))
    return {
        "compile_s": compilation,
        "step_s": {name: float(np.median(s[1:]) / config.steps) for name, s in seconds.items()},
        "fastest_step_s": {name: float(min(s[1:]) / config.steps) for name, s in seconds.items()},
        "slowest_step_s": {name: float(max(s[1:]) / config.steps) for name, s in seconds.items()},
    }


def separate_steps(config: Config) -> Callable[[], None]:
    """Flax with XLA's convolution: one jitted step, called for every model in turn."""
    graph, params, rest = nnx.split(build(config, "native")(nnx.Rngs(0)), nnx.Param, ...)
    optimizer = optax.sgd(0.05, momentum=0.9, nesterov=True)
    x = jax.random.normal(jax.random.key(0), (config.batch, 32, 32, 3))
    y = jnp.arange(config.batch) % 10

    @jax.jit
    def step(params, rest, opt):
        def loss_of(params):
            model = nnx.merge(graph, params, rest, copy=True)
            model.train()
            loss = optax.softmax_cross_entropy_with_integer_labels(model(x), y).mean()
            return loss, nnx.split(model, nnx.Param, ...)[2]

        gradient, rest_after = jax.grad(loss_of, has_aux=True)(params)
        update, opt_after = optimizer.update(gradient, opt, params)
        return optax.apply_updates(params, update), rest_after, opt_after

    states = [(params, rest, optimizer.init(params)) for _ in range(config.models)]

    def run() -> None:
        for _ in range(config.steps):
            for place, state in enumerate(states):
                states[place] = step(*state)
        jax.block_until_ready(states)

    return run


def torch_steps(config: Config) -> Callable[[], None] | None:
    """PyTorch, model by model; None where it is not installed."""
    try:
        import torch
    except ImportError:
        return None
    torch.manual_seed(0)
    shapes = [conv.kernel.shape for conv in build(config)(nnx.Rngs(0)).convs]
    x = torch.randn(config.batch, 3, 32, 32).to(memory_format=torch.channels_last)
    y = torch.arange(config.batch) % 10

    class Net(torch.nn.Module):
        """The architecture of `SmallCNN`."""

        def __init__(self):
            super().__init__()
            self.convs = torch.nn.ModuleList(
                torch.nn.Conv2d(s[2], s[3], 3, padding=1, bias=False) for s in shapes
            )
            self.norms = torch.nn.ModuleList(torch.nn.BatchNorm2d(s[3]) for s in shapes)
            self.head = torch.nn.Linear(shapes[-1][3], 10)

        def forward(self, x):
            for conv, norm in zip(self.convs, self.norms, strict=True):
                x = conv(x)
                if min(x.shape[2:]) >= 8:
                    x = torch.nn.functional.max_pool2d(x, 2)
                x = torch.relu(norm(x))
            return self.head(x.mean((2, 3)))

    nets = [Net().to(memory_format=torch.channels_last) for _ in range(config.models)]
    optimizers = [
        torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4)
        for net in nets
    ]

    def run() -> None:
        for _ in range(config.steps):
            for net, optimizer in zip(nets, optimizers, strict=True):
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(net(x), y).backward()
                optimizer.step()

    return run


def run(quick: bool) -> dict[str, Any]:
    """The suite: one step of all models beside the peers, and its cost against the number of models."""
    config, numbers, rounds = (Config(), (1, 2, 4, 8), 5) if not quick else (TINY, (1, 2, 3), 2)
    found = on_cpu(config)
    times = {name: _times(found, name) for name in found["step_s"]}
    shape = f"{config.models} models, batch {config.batch}"
    # Forward and twice as much backward, as XLA counts its own convolution: Winograd's does with fewer, so that
    # the share may pass 100 %.
    flops = 3 * flops_of(build(config, "native")) * config.models * config.batch
    work = [
        _suite.work(f"a training step, {who}: {shape}", seconds, flops=flops, precision="float32")
        for who, seconds in times.items()
    ]
    ratios = [
        _suite.ratio(f"a training step, {shape}", name, times["ours"], seconds)
        for name, seconds in times.items()
        if name != "ours"
    ]
    costs = {}
    for number in numbers:
        # A quick run takes those already measured: most of its time is compilation.
        same = quick and number == config.models
        alone = found if same else compare(replace(config, models=number, rounds=rounds), {})
        costs[number] = _times(alone, "ours")
    curves = [_suite.curve_of("a training step", "models", costs)]
    missing = [] if found["pytorch_installed"] else ["PyTorch is not installed: peer left out"]
    return _suite.record(work, ratios, curves, missing, {**found, "config": asdict(config)})


def _times(found: dict[str, Any], name: str) -> dict[str, Any]:
    return {
        "median_s": found["step_s"][name],
        "min_s": found["fastest_step_s"][name],
        "max_s": found["slowest_step_s"][name],
        "compile_s": found["compile_s"] if name == "ours" else None,
    }


def on_cpu(config: Config) -> dict[str, Any]:
    """The comparison, as a record."""
    peers = {"flax, separate steps": separate_steps(config)}
    torch = torch_steps(config)
    if torch is not None:
        peers["pytorch"] = torch
    found = compare(config, peers)
    ours = found["step_s"]["ours"]
    images = config.models * config.batch
    return {
        **found,
        "ratio": {name: ours / s for name, s in found["step_s"].items() if name != "ours"},
        "images_per_second": {name: images / s for name, s in found["step_s"].items()},
        "pytorch_installed": torch is not None,
    }


def on_gpu() -> dict[str, Any]:
    """64 ResNet9s for 10 epochs of 5,000 images; the same one after the other; one model to 94 %."""
    train, test = smx.load("cifar10"), smx.load("cifar10", split="test")
    rate = product_rate()
    images = {"flip": True, "shift": 2}
    many = smx.training.Config(
        epochs=10, batch_size=250, evaluations=10, num_validation=1000, **images
    )
    build_resnet = lambda rngs: models.ResNet9(10, rngs=rngs)
    seconds = {}
    for at_once in (1, 4, 8, 16):
        config = replace(many, models_at_once=at_once)
        seconds[at_once] = steady(build_resnet, train[:6000], 64, config)
    best = min(seconds.values())
    flops = 64 * 50_000 * 3 * flops_of(build_resnet)
    to_94 = smx.training.Config(
        epochs=16,
        batch_size=512,
        evaluations=16,
        num_validation=1000,
        learning_rate=0.4,
        label_smoothing=0.1,
        schedule="triangular",
        **images,
    )
    start = time.perf_counter()
    fit = smx.training.fit(build_resnet, train, test=test, config=to_94)
    return {
        "bf16_product_flops_per_s": rate,
        "seconds_of_64_by_models_at_once": seconds,
        "images_per_second": 64 * 50_000 / best,
        "share_of_product_rate": flops / best / rate,
        "against_one_after_the_other": best / seconds[1],
        "one_model": {
            "test_error": float(fit.result.test_error[0, 0]),
            "seconds_with_compilation": time.perf_counter() - start,
        },
    }


def steady(build: Callable, data: smx.Dataset, number: int, config: smx.training.Config) -> float:
    """Seconds of training without the first evaluation's share, which holds the compilation."""
    ticks: list[float] = []
    smx.training.sweep(
        build,
        data,
        None,
        test=None,
        ratios=[0.0],
        seeds=number,
        config=config,
        progress=lambda *_: ticks.append(time.perf_counter()),
    )
    parts = config.evaluations
    return (ticks[-1] - ticks[-parts]) * parts / (parts - 1)


def flops_of(build: Callable) -> float:
    """Floating-point operations of one image forward, as XLA counts them."""
    graph, state = nnx.split(build(nnx.Rngs(0)))
    run = jax.jit(lambda state, x: nnx.merge(graph, state)(x))
    cost = run.lower(state, jnp.zeros((1, 32, 32, 3))).compile().cost_analysis()
    return float((cost or {})["flops"])


def product_rate(size: int = 8192) -> float:
    """Floating-point operations a second of a bfloat16 matrix product."""
    a = jnp.ones((size, size), jnp.bfloat16)
    product = jax.jit(lambda m: m @ m)
    jax.block_until_ready(product(a))
    start = time.perf_counter()
    for _ in range(10):
        last = product(a)
    jax.block_until_ready(last)
    return 20 * size**3 / (time.perf_counter() - start)


def main(argv: list[str] | None = None) -> None:
    """Measure, print the ratios, write training.json (or training_gpu.json)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", choices=("cpu", "gpu"), default="cpu")
    parser.add_argument("--quick", action="store_true", help="a small problem, for a first look")
    parser.add_argument("--out", type=Path, help="default: benchmarks/results")
    arguments = parser.parse_args(argv)
    config = QUICK if arguments.quick else Config()
    found = on_gpu() if arguments.preset == "gpu" else on_cpu(config)
    if arguments.preset == "cpu":
        for name, ratio in found["ratio"].items():
            print(
                f"ours / {name}: {ratio:.2f} ({found['images_per_second']['ours']:,.0f} images/s)"
            )
        print(f"compilation, apart: {found['compile_s']:.1f} s")
    else:
        print(found)
    out = arguments.out or (None if arguments.quick else RESULTS)
    if out is not None:
        name = "training.json" if arguments.preset == "cpu" else "training_gpu.json"
        command = f"python -m benchmarks.training --preset {arguments.preset}"
        content = {**provenance(command), "config": asdict(config), **found}
        write_json(out / name, content)


if __name__ == "__main__":
    main()
