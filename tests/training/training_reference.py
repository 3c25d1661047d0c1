"""The slow reference: one network trained in a plain loop, with optax and Flax as their manuals have it."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from sklearn.metrics import f1_score


def schedule(config, num_steps):
    """Learning rate by step, from the words of `Config`."""

    def rate(step):
        if config.schedule == "constant":
            return config.learning_rate
        done = (step + 0.5) / num_steps
        left = (1 - done) / (1 - config.warmup)
        fall = left if config.schedule == "triangular" else 0.5 * (1 - jnp.cos(jnp.pi * left))
        return config.learning_rate * jnp.where(done < config.warmup, done / config.warmup, fall)

    return rate


def optimizer(config, num_steps):
    """What optax offers under the optimiser's name."""
    rate, decay = schedule(config, num_steps), config.weight_decay
    matrices = lambda params: jax.tree.map(lambda p: p.ndim > 1, params)
    if config.optimizer == "adamw":
        tx = optax.adamw(rate, weight_decay=decay, mask=matrices)
    elif config.optimizer == "muon":
        tx = optax.contrib.muon(rate, beta=config.momentum, weight_decay=decay, consistent_rms=0.2)
    else:
        tx = optax.sgd(rate, config.momentum, nesterov=True)
        tx = optax.chain(optax.add_decayed_weights(decay, matrices), tx)
    clip = config.clip_norm
    return tx if clip is None else optax.chain(optax.clip_by_global_norm(clip), tx)


def batches(rows, pool_size, seed, width, number):
    """Batches of the model that trains on `rows`: pass after pass of permutations of the whole pool."""
    stream = []
    while len(stream) < width * number:
        passes = len(stream) // len(rows)
        order = np.random.default_rng([0x5EED, seed, passes]).permutation(pool_size)
        stream += [row for row in order if row in set(rows)]
    return np.array(stream[: width * number]).reshape(number, width)


def augmented(images, key, config):
    """Images (b, h, w) cut out of their reflected borders, and mirrored, one by one."""
    by_row, by_column, mirror = jax.random.split(key, 3)
    s, b = config.shift, len(images)
    down = jax.random.randint(by_row, (b, 1), -s, s + 1, jnp.int32)[:, 0]
    across = jax.random.randint(by_column, (b, 1), -s, s + 1, jnp.int32)[:, 0]
    turned = jax.random.bernoulli(mirror, 0.5, (b, 1))[:, 0]
    out = []
    for image, dy, dx, turn in zip(images, *map(np.asarray, (down, across, turned)), strict=True):
        height, width = image.shape
        wide = np.pad(image, s, mode="reflect")
        cut = wide[s + dy : s + dy + height, s + dx : s + dx + width]
        out.append(cut[:, ::-1] if config.flip and turn else cut)
    return np.stack(out)


def soft_dice(out, y, weights):
    """Dice's coefficient of a batch with probabilities for counts, one added above and below."""
    k = out.shape[-1]
    w = jnp.repeat(weights, y[0].size)
    guess, true = jax.nn.softmax(out).reshape(-1, k), jnp.eye(k)[jnp.ravel(y)]
    each = [
        (2 * w @ (guess[:, c] * true[:, c]) + 1) / (w @ guess[:, c] + w @ true[:, c] + 1)
        for c in range(1, k)
    ]
    return sum(each) / (k - 1)


def train(make, draw, data, config, *, count, weights, num_steps, places, seed, target=None):
    """Train one model.

    Args:
        make: rngs -> module.
        draw: Its rows: `real`, `validation`, `synthetic` and `target` of the pool.
        data: Real, synthetic and test data; images of three dimensions.
        config: How.
        count: Synthetic points.
        weights: Of a real, of a synthetic and, with a target, of a target point in the mean loss of a batch.
        num_steps: Steps.
        places: Real, synthetic and target places of a batch; zeros where all points are one stream.
        seed: Of everything.
        target: Labelled target data, or None.

    Returns:
        A dictionary of the history, the chosen step and the test scores.
    """
    real, synthetic, test = data
    labels, maps = real.num_classes is not None, np.ndim(real.y) == 3
    targets = [] if target is None else [target]
    pool = [real, synthetic, *targets]
    x = np.concatenate([data.x for data in pool]).astype(np.float64)
    of_real = np.concatenate([data.x for data in (real, *targets)])
    mean, deviation = np.mean(of_real, dtype=np.float64), np.std(of_real, dtype=np.float64)
    y = np.concatenate([data.y for data in pool])
    unit = np.ones(1)
    if not labels:
        wide = np.asarray(real.y, np.float64).reshape(len(real), -1)
        centre, unit = wide.mean(0), wide.std(0)
        standard = lambda y: (np.asarray(y).reshape(len(y), -1) - centre) / unit
    else:
        standard = np.asarray
    y, test_y = standard(y), standard(test.y)

    def prepared(images):
        return jnp.asarray((images - mean) / deviation, jnp.float32)[..., None]

    def losses(out, y, smoothing):
        if not labels:
            return ((out - y) ** 2).mean(axis=1)
        k = out.shape[-1]
        wanted = (1 - smoothing) * jnp.eye(k)[y] + smoothing / k
        cross = -(wanted * jax.nn.log_softmax(out)).sum(axis=-1)
        return cross.mean(axis=(1, 2)) if maps else cross

    def batch_loss(out, y, w, smoothing):
        loss = jnp.mean(w * losses(out, y, smoothing))
        return loss + config.dice * (1 - soft_dice(out, y, w)) if maps else loss

    model = make(nnx.Rngs(jax.random.key(seed)))
    model.train()
    opt = nnx.Optimizer(model, optimizer(config, num_steps), wrt=nnx.Param)

    @nnx.jit
    def step(model, opt, x, y, w):
        def loss(model):
            return batch_loss(model(x), y, w, config.label_smoothing)

        value, gradient = nnx.value_and_grad(loss)(model)
        opt.update(model, gradient)
        return value

    def scores(model, x, y):
        model.eval()
        out = model(prepared(x))
        model.train()
        loss = float(batch_loss(out, np.asarray(y), np.ones(len(out)), 0.0))
        if maps:
            guess, true = np.argmax(out, -1).ravel(), np.ravel(y)
            return 1 - f1_score(
                true, guess, labels=[1, 2], average="macro", zero_division=1.0
            ), loss
        if labels:
            return float(np.mean(np.argmax(out, 1) != y)), loss
        return float(np.mean(np.sum(((np.asarray(out) - y) * unit) ** 2, axis=1))), loss

    b, pool_size = config.batch_size, len(x)
    synthetic_rows = draw.synthetic[:count]
    groups = [draw.real, synthetic_rows, draw.target]
    if not any(places):
        table = batches(np.concatenate(groups), pool_size, seed, b, num_steps)
    else:
        parts = [
            batches(rows, pool_size, seed, width, num_steps)
            for rows, width in zip(groups, places, strict=False)
            if width
        ]
        table = np.concatenate(parts, axis=1)
    ends = [-(-e * num_steps // config.evaluations) for e in range(1, config.evaluations + 1)]
    history, seen, best = [], [], None
    stream = jax.random.fold_in(jax.random.key(seed), 0xF11B)
    for number, rows in enumerate(table):
        images, wanted = x[rows], y[rows]
        if config.flip or config.shift:
            key = jax.random.fold_in(stream, number)
            images = augmented(images, key, config)
            wanted = augmented(wanted, key, config) if maps else wanted
        group = [0 if r < len(real) else 1 if r < len(real) + len(synthetic) else 2 for r in rows]
        w = np.array(weights)[group]
        seen.append(float(step(model, opt, prepared(images), jnp.asarray(wanted), jnp.asarray(w))))
        if number + 1 in ends:
            error, loss = scores(model, x[draw.validation], y[draw.validation])
            history.append((number + 1, np.mean(seen), error, loss))
            seen = []
            if best is None or config.choose == "last" or error <= best[0]:
                on_test = scores(model, np.asarray(test.x, np.float64), test_y)
                best = error, number + 1, *on_test
    return {
        "history": np.array(history),
        "validation_error": best[0],
        "chosen_step": best[1],
        "test_error": best[2],
        "test_loss": best[3],
    }
