import jax
import numpy as np
import pytest

from synthmix_jax.kernels import RBF
from synthmix_jax.theory import value_of_first_point

pytestmark = pytest.mark.usefixtures("double")

RIDGE = 0.3


@pytest.fixture
def sample(rng):
    """Real points, test points, the truth and a generator at the latter, and targets."""
    x, test = rng.uniform(-2, 2, (15, 1)), rng.uniform(-2, 2, (12, 1))
    truth = lambda x: np.sin(2 * x[:, 0])
    y = truth(x) + 0.3 * rng.normal(size=15)
    return x, y, test, truth(test), np.cos(test[:, 0])


def fit(x, y, weights, test):
    gram = np.asarray(RBF(0.7)(x, x)) + np.diag(RIDGE / weights)
    return np.asarray(RBF(0.7)(test, x)) @ np.linalg.solve(gram, y)


def errors(sample):
    x, y, test, truth, g = sample
    return dict(fit_error=fit(x, y, np.ones(15), test) - truth, generator_error=g - truth)


def test_is_the_derivative_of_adding_a_point(sample):
    x, y, test, truth, g = sample
    weight = 1e-4

    def error(i, sign):
        # A point of negative weight is no regression, but the formula is analytic in it.
        rows, targets = np.r_[x, test[i : i + 1]], np.r_[y, g[i]]
        weights = np.r_[np.ones(15), sign * weight]
        wrong = fit(rows, targets, weights, test) - truth
        return np.mean(np.delete(wrong, i) ** 2)

    slow = np.mean([(error(i, 1) - error(i, -1)) / (2 * weight) for i in range(12)])
    value = value_of_first_point(RBF(0.7), x, test, **errors(sample), ridge=RIDGE)
    assert value.slope == pytest.approx(slow, rel=1e-6)
    assert value.slope == pytest.approx(float(value.gain + value.cost), rel=1e-12)


def test_perfect_generator_helps_and_one_that_errs_like_the_fit_does_nothing(sample):
    x, _, test, *_ = sample
    e = errors(sample)["fit_error"]
    given = dict(fit_error=e, ridge=RIDGE)
    perfect = value_of_first_point(RBF(0.7), x, test, generator_error=0 * e, **given)
    assert perfect.slope < 0
    assert perfect.cost == 0
    same = value_of_first_point(RBF(0.7), x, test, generator_error=e, **given)
    assert same.slope == pytest.approx(0.0, abs=1e-12)
    worse = value_of_first_point(RBF(0.7), x, test, generator_error=2 * e, **given)
    assert worse.slope == pytest.approx(-float(perfect.slope), rel=1e-9)


def test_outputs_are_summed(sample):
    x, _, test, *_ = sample
    given = errors(sample)
    one = value_of_first_point(RBF(0.7), x, test, **given, ridge=RIDGE)
    both = {name: np.c_[v, -2 * v] for name, v in given.items()}
    two = value_of_first_point(RBF(0.7), x, test, **both, ridge=RIDGE)
    assert two.slope == pytest.approx(5 * float(one.slope), rel=1e-10)


def test_runs_on_a_function_under_jit_and_grad(sample):
    x, _, test, *_ = sample
    given = errors(sample)
    value = lambda ridge: (
        value_of_first_point(lambda a, b: RBF(0.7)(a, b), x, test, **given, ridge=ridge).slope
    )
    assert float(jax.jit(value)(RIDGE)) == pytest.approx(float(value(RIDGE)), rel=1e-12)
    slow = (value(RIDGE + 1e-5) - value(RIDGE - 1e-5)) / 2e-5
    assert float(jax.grad(value)(RIDGE)) == pytest.approx(slow, rel=1e-6)


BAD = {
    "ridge": (dict(ridge=0.0), "ridge must be positive"),
    "ridges": (dict(ridge=np.ones(2)), "one number"),
    "short": (dict(fit_error=np.ones(2)), r"fit_error has shape \(2,\) for 3 test points"),
    "differ": (dict(generator_error=np.ones((3, 2))), "both must have the same"),
    "NaN": (dict(generator_error=np.full(3, np.nan)), "3 non-finite"),
    "NaN inputs": (dict(x=np.full((4, 1), np.nan)), "x holds 4 non-finite"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused(name):
    changes, message = BAD[name]
    given = dict(x=np.ones((4, 1)), test=np.ones((3, 1)), fit_error=np.ones(3))
    given |= dict(generator_error=np.ones(3), ridge=0.1) | changes
    with pytest.raises(ValueError, match=message):
        value_of_first_point(RBF(0.7), **given)


def test_few_test_points_are_right_on_average(rng):
    """The mean over samples of eight test points is the value of 4,000: no pair of a point with itself."""
    x = rng.uniform(-2, 2, (15, 1))
    truth, g = (lambda x: np.sin(2 * x[:, 0])), (lambda x: np.cos(x[:, 0]))
    y = truth(x) + 0.3 * rng.normal(size=15)

    def value(test):
        e = fit(x, y, np.ones(15), test) - truth(test)
        return value_of_first_point(
            RBF(0.7), x, test, fit_error=e, generator_error=g(test) - truth(test), ridge=RIDGE
        )

    few = [value(rng.uniform(-2, 2, (8, 1))) for _ in range(400)]
    many = value(rng.uniform(-2, 2, (4000, 1)))
    for name in ("gain", "cost"):
        drawn = np.array([getattr(v, name) for v in few])
        error = drawn.std(ddof=1) / np.sqrt(400)
        assert abs(drawn.mean() - getattr(many, name)) < 4.0 * error
        assert error < 0.15 * abs(many.gain)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"test": np.zeros((1, 1)), "fit_error": np.zeros(1), "generator_error": np.zeros(1)},
            "over pairs",
        ),
        ({"x": np.zeros((15, 1)), "ridge": 1e-300}, "too small"),
    ],
)
def test_what_cannot_be_computed(sample, changes, message):
    x, _, test, *_ = sample
    arguments = {"x": x, "test": test, **errors(sample), "ridge": RIDGE} | changes
    with pytest.raises(ValueError, match=message):
        value_of_first_point(RBF(0.7), arguments.pop("x"), arguments.pop("test"), **arguments)
