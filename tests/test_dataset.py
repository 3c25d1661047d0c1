import copy
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import synthmix_jax as smx
from synthmix_jax import Dataset

X = np.arange(24, dtype=np.float32).reshape(6, 2, 2)
Y = np.array([0, 1, 2, 0, 1, 2])
NAMES = ("ant", "bee", "cat", "dog")


@pytest.fixture(params=["numpy", "jax"])
def data(request):
    """Six images in three of four named classes, on the host and on a device."""
    place = np.asarray if request.param == "numpy" else jnp.asarray
    return Dataset(place(X), place(Y), class_names=NAMES)


def test_arrays_stay_where_they_are_and_as_they_are(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((3, 2), np.uint8))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    on_device = jnp.ones((3, 2), jnp.bfloat16)
    for x in (mapped, on_device, np.ones((3, 2), np.float16)):
        assert Dataset(x, [0, 1, 1]).x is x


def test_lists_become_arrays():
    data = Dataset([[1.0, 2.0], [3.0, 4.0]], [0.5, 1.5])
    assert data.x.shape == (2, 2)
    assert data.num_classes is None


@pytest.mark.parametrize(
    ("y", "options", "num_classes"),
    [
        (Y, {}, 3),
        (Y.astype(np.uint8), {"num_classes": 9}, 9),
        (Y, {"class_names": NAMES}, 4),
        (Y, {"class_names": NAMES, "num_classes": 4}, 4),
        (Y > 0, {}, 2),
        (Y.astype(float), {}, None),
        (np.ones((6, 5)), {}, None),
        (jnp.ones(6, jnp.bfloat16), {}, None),
    ],
)
def test_the_dtype_of_y_tells_classes_from_targets(y, options, num_classes):
    assert Dataset(X, y, **options).num_classes == num_classes


def test_booleans_are_labels():
    np.testing.assert_array_equal(Dataset(X, Y == 2).y, [0, 0, 1, 0, 0, 1])


@pytest.mark.parametrize(
    ("x", "y", "options", "message"),
    [
        ("text", Y, {}, "x must be an array of numbers, got str"),
        (None, Y, {}, "x must be an array of numbers, got NoneType"),
        (X, {0: 1}, {}, "y must be an array of numbers, got dict"),
        ([[1.0], [1.0, 2.0]], [0, 1], {}, "x is ragged"),
        (X.astype(object), Y, {}, "x has dtype object"),
        (X.astype(complex), Y, {}, "x has dtype complex128"),
        (np.zeros(6, [("a", float)]), Y, {}, "x has dtype"),
        (np.zeros(6, "V2"), Y, {}, "x has dtype"),
        (np.array(["a"] * 6), Y, {}, "x has dtype <U1"),
        (X, np.array(["a"] * 6), {}, "y has dtype <U1"),
        (X, Y[:5], {}, r"one row a point, got shapes \(6, 2, 2\) and \(5,\)"),
        (1.0, 2.0, {}, r"one row a point, got shapes \(\) and \(\)"),
        (X * np.nan, Y, {}, r"x holds 24 non-finite values .* first at index \(0, 0, 0\)"),
        (X, np.array([0, 1, 2, np.inf, 0, 0]), {}, r"y holds 1 non-finite .* index \(3,\)"),
        (np.array([np.inf, -np.inf] * 3), Y, {}, "x holds 6 non-finite values"),
        (jnp.full((6, 2), jnp.nan, jnp.bfloat16), Y, {}, "x holds 12 non-finite values"),
        (X, Y - 1, {}, "holds the label -1; labels count from 0"),
        (X, Y, {"num_classes": 2}, "holds the label 2 but num_classes is 2"),
        (X, Y, {"class_names": ("a", "b")}, "holds the label 2 but num_classes is 2"),
        (X, Y, {"class_names": NAMES, "num_classes": 3}, "num_classes is 3 but class_names has 4"),
        (X[:, 0], Y[:, None], {}, r"must be \(n,\), got shape \(6, 1\).*y.astype\(float\)"),
        (X, Y[:, None], {}, r"must be \(n,\), or \(n, 2, 2\) as label maps, got shape \(6, 1\)"),
        (X, np.ones((6, 1, 1)), {}, r"must be \(n,\) or \(n, k\), got shape \(6, 1, 1\)"),
        (X, Y * 1.0, {"num_classes": 3}, r"means regression.*y.astype\(int\)"),
        (X, Y * 1.0, {"class_names": NAMES}, "means regression, yet classes were named"),
    ],
)
def test_misuse_is_named_with_its_remedy(x, y, options, message):
    with pytest.raises(ValueError, match=message):
        Dataset(x, y, **options)


def test_prng_keys_are_no_inputs():
    with pytest.raises(ValueError, match="x has dtype key"):
        Dataset(jax.random.split(jax.random.key(0), 6), Y)


@pytest.mark.parametrize("largest", [1e308, 3e38])
def test_large_finite_numbers_are_not_taken_for_infinite(largest):
    dtype = np.float64 if largest > 1e300 else np.float32
    assert len(Dataset(np.full((6, 2), largest, dtype), Y)) == 6


def test_it_is_a_pytree_of_x_and_y(data):
    leaves, structure = jax.tree.flatten(data)
    assert [leaf.shape for leaf in leaves] == [(6, 2, 2), (6,)]
    again = jax.tree.unflatten(structure, leaves)
    assert again.class_names == NAMES
    assert again.x is data.x
    paths = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(data)]
    assert paths == [".x", ".y"]
    assert "4 classes" in repr(jax.tree.map(lambda leaf: None, data))


def test_it_goes_through_jit_and_vmap(data):
    doubled = jax.jit(lambda d: jax.tree.map(lambda leaf: 2 * leaf, d))(data)
    assert (doubled.num_classes, doubled.class_names) == (4, NAMES)
    np.testing.assert_array_equal(doubled.x, 2 * X)
    np.testing.assert_array_equal(jax.vmap(lambda d: d.x.sum())(data), X.sum((1, 2)))
    some = jax.jit(lambda d, rows: d[rows])(jax.device_put(data), jnp.array([4, 0]))
    np.testing.assert_array_equal(some.y, [1, 0])


def test_it_is_copied_and_pickled(data):
    for again in (copy.deepcopy(data), pickle.loads(pickle.dumps(data))):
        np.testing.assert_array_equal(again.x, X)
        assert again.class_names == NAMES


@pytest.mark.parametrize(
    ("index", "rows"),
    [
        (0, [0]),
        (-1, [5]),
        (-6, [0]),
        (np.int64(2), [2]),
        (np.array(3), [3]),
        (jnp.array(3), [3]),
        (slice(1, 3), [1, 2]),
        (slice(None, None, -2), [5, 3, 1]),
        (slice(9, None), []),
        ([4, -1, 4], [4, 5, 4]),
        ([], []),
        (np.array([5, 0]), [5, 0]),
        (jnp.array([5, 0]), [5, 0]),
        ([True, False, False, True, False, False], [0, 3]),
        (Y == 1, [1, 4]),
        (jnp.asarray(Y == 1), [1, 4]),
        (np.zeros(6, bool), []),
    ],
    ids=str,
)
def test_rows_are_chosen_alike_on_host_and_device(data, index, rows):
    part = data[index]
    np.testing.assert_array_equal(part.x, X[rows])
    np.testing.assert_array_equal(part.y, Y[rows])
    assert (part.num_classes, part.class_names) == (4, NAMES)
    assert isinstance(part.x, type(data.x))


def test_a_traced_number_gives_one_row(data):
    part = jax.jit(lambda d, i: d[i])(jax.device_put(data), jnp.array(4))
    np.testing.assert_array_equal(part.x, X[[4]])


@pytest.mark.parametrize(
    "index",
    [6, -7, [0, 6], np.array([-7]), [True, False], True, (0, 1), None, 1.0, "x", [[0, 1]], ...],
    ids=str,
)
def test_what_chooses_no_rows_is_an_index_error(data, index):
    with pytest.raises(IndexError):
        data[index]


def test_it_is_iterated_row_by_row(data):
    assert [int(row.y[0]) for row in data] == Y.tolist()


def numbered(n, num_classes, rng):
    """Points that carry their number, in classes of unequal size; None for regression."""
    x = np.arange(n)[:, None]
    if num_classes is None:
        return Dataset(x, rng.random(n))
    return Dataset(x, rng.integers(0, num_classes, n) ** 2 // num_classes, num_classes=num_classes)


@pytest.mark.parametrize("num_classes", [None, 2, 7])
@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.83])
def test_the_parts_of_a_split_are_disjoint_and_cover_all(rng, num_classes, fraction):
    data = numbered(101, num_classes, rng)
    first, rest = data.split(fraction, key=jax.random.key(3))
    assert abs(len(first) - fraction * 101) <= 1
    assert sorted([*first.x[:, 0], *rest.x[:, 0]]) == list(range(101))
    for part in (first, rest):
        np.testing.assert_array_equal(part.y, data.y[part.x[:, 0]])
        assert part.num_classes == num_classes


@pytest.mark.parametrize("fraction", [0.1, 0.37, 0.9])
def test_a_split_takes_its_share_of_every_class(rng, fraction):
    data = numbered(300, 8, rng)
    first, _ = data.split(fraction, key=jax.random.key(1))
    taken, there = (np.bincount(part.y, minlength=8) for part in (first, data))
    assert np.abs(taken - fraction * there).max() <= 1


def test_a_split_is_shuffled_and_follows_its_key(rng):
    data = numbered(200, 3, rng)
    first = data.split(0.5, key=jax.random.key(0))[0].x[:, 0]
    np.testing.assert_array_equal(data.split(0.5, key=jax.random.key(0))[0].x[:, 0], first)
    np.testing.assert_array_equal(data.split(0.5, key=jax.random.PRNGKey(0))[0].x[:, 0], first)
    assert (np.diff(first) < 0).any()
    assert set(data.split(0.5, key=jax.random.key(1))[0].x[:, 0]) != set(first)


def test_a_split_on_a_device_is_the_split_on_the_host(data):
    host = Dataset(X, Y).split(0.5, key=jax.random.key(0))[0]
    np.testing.assert_array_equal(data.split(0.5, key=jax.random.key(0))[0].x, host.x)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.5, 2.0, float("nan")])
def test_a_split_wants_a_fraction(data, fraction):
    with pytest.raises(ValueError, match="fraction must lie between 0 and 1"):
        data.split(fraction, key=jax.random.key(0))


def test_a_split_with_an_empty_part_is_refused(data):
    with pytest.raises(ValueError, match=r"fraction 0\.01 of 6 rows leaves one part empty"):
        data.split(0.01, key=jax.random.key(0))


@pytest.mark.parametrize("data", [Dataset(X, Y), Dataset(X, Y * 1.0)], ids=["classes", "targets"])
def test_its_text_tells_what_it_is(data):
    kind = "3 classes" if data.num_classes else "regression"
    assert repr(data) == f"Dataset(x: float32[6, 2, 2], {kind})"


@pytest.mark.parametrize(
    ("x", "y"),
    [((5, 4, 3), (5, 4, 3)), ((5, 4, 3, 1), (5, 4, 3)), ((5, 4, 3, 2, 1), (5, 4, 3, 2))],
    ids=["images", "channels", "volumes"],
)
def test_a_class_for_every_pixel(x, y):
    maps = np.arange(np.prod(y)).reshape(y) % 3
    data = smx.Dataset(np.zeros(x), maps)
    assert data.dense
    assert data.num_classes == 3
    assert "label maps" in repr(data)
    assert data[[1, 2]].y.shape == (2, *y[1:])
    first, rest = data.split(0.4, key=jax.random.key(0))
    assert (len(first), len(rest), first.dense) == (2, 3, True)
    assert jax.jit(lambda d: d)(data).dense
    both = smx.Dataset(np.zeros(x), maps > 0)
    assert both.num_classes == 2
    with pytest.raises(ValueError, match="label maps, got shape"):
        smx.Dataset(np.zeros(x), maps[:, :3])


def test_elsewhere_label_maps_are_refused():
    data = smx.Dataset(np.random.default_rng(0).random((6, 4, 4)), np.ones((6, 4, 4), int))
    key = jax.random.key(0)
    kernel = smx.kernels.RBF(1.0)
    uses = [
        lambda: smx.krr.sweep(data, data, kernel=kernel, ridges=[0.1]),
        lambda: smx.krr.fit(data, kernel=kernel, ridge=0.1),
        lambda: smx.recommend(data, data, key=key),
        lambda: smx.distances.compare(data, data, key=key),
        lambda: smx.distances.labelled_wasserstein(data, data),
        lambda: smx.generators.ClassGaussian.fit(data, rank=1),
        lambda: smx.generators.ClassMixture.fit(data, components=1, rank=1, key=key),
        lambda: smx.generators.SMOTE.fit(data),
        lambda: smx.generators.Flow.fit(data, config=smx.generators.FlowConfig(), key=key),
    ]
    for use in uses:
        with pytest.raises(ValueError, match="label maps of shape"):
            use()
    assert (
        smx.generators.Seen.of(data).share_of(data) == 1.0
    )  # a record of inputs holds for all kinds
    with pytest.raises(ValueError, match=r"labels must be \(m,\)"):
        smx.mixing.nested_order(data.y, key=key)
