"""Theory: bounds, surrogates and a scaling law for real and synthetic data, each with the share that is best by it.

    law = smx.theory.SurrogateLaw.fit(n, m, share, error, key=jax.random.key(0))
    law.optimal_share(100, 1000), law.optimal_share_interval(100, 1000)

Bounds rest on constants that no data identify, and are called conditional for it; the law is fitted to runs.
"""

from ._adaptation import adaptation_bound as adaptation_bound
from ._adaptation import optimal_adaptation_share as optimal_adaptation_share
from ._bounds import optimal_share as optimal_share
from ._bounds import optimal_tuned_share as optimal_tuned_share
from ._bounds import paper_bound as paper_bound
from ._bounds import paper_optimal_lambda as paper_optimal_lambda
from ._bounds import stability_bound as stability_bound
from ._bounds import tuned_bound as tuned_bound
from ._law_plans import Split as Split
from ._quadratic import optimal_pooled_share as optimal_pooled_share
from ._quadratic import optimal_quadratic_share as optimal_quadratic_share
from ._quadratic import pooled_risk as pooled_risk
from ._quadratic import quadratic_risk as quadratic_risk
from ._surrogate_law import SurrogateLaw as SurrogateLaw
