"""The step `cluster`: weight sharing (Han et al. 2016, Deep Compression, arXiv:1510.00149, section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from edgepack.compress.keras.kernels import Kernel, kernels
from edgepack.compress.keras.models import copy_model, import_tfmot, unfreeze
from edgepack.compress.quantization.int8 import channels_first, channels_last
from edgepack.compress.select import check_patterns, matches
from edgepack.compress.technique import FineTuning, Names
from edgepack.compress.training.fit import fit
from edgepack.compress.training.keep import Keeper, most_values
from edgepack.compress.training.loss import choose_loss
from edgepack.compress.weights.kmeans import share_values
from edgepack.compress.work import Structure, Work
from edgepack.ground.errors import RecipeError
from edgepack.sources.keras.frameworks import import_tf_keras


class Cluster(FineTuning):
    """Let the weights of each output channel, or of each kernel, share a few values, and train those values."""

    name: ClassVar[str] = "cluster"
    title: ClassVar[str] = "Clustering"
    version: ClassVar[int] = 1
    leaves: ClassVar[frozenset[Structure]] = frozenset({"clusters"})
    keeps: ClassVar[frozenset[Structure]] = frozenset({"zeros", "clusters"})

    clusters: int = Field(default=16, ge=2, le=255, description="distinct weights at most; zero is one of them after pruning")
    scope: Literal["channel", "tensor"] = Field(
        default="channel", description="distinct weights of each output channel, or of a whole kernel (TF-MOT's clustering)"
    )
    init: Literal["kmeans++", "density", "linear"] = Field(
        default="density", description="first values: drawn far apart, by the weights' distribution, or evenly over their range"
    )
    epochs: int = Field(default=2, ge=1, description="passes over the training data at most")
    learning_rate: float = Field(default=0.0003, gt=0, description="of the first gradient step")
    layers: Names = Field(default=("*",), description="names of the layers to cluster, with * and ?")
    exclude: Names = Field(default=(), description="names of layers to leave alone")

    @property
    def label(self) -> str:
        """For example "cluster 16"."""
        return f"cluster {self.clusters}" + (" a kernel" if self.scope == "tensor" else "")

    def apply(self, model: Any, work: Work) -> Any:
        """Cluster and fine-tune `model`.

        Raises:
            RecipeError: EP-412 when no layer is left to cluster or a name fits none; EP-414 when a kernel ends with more values
                than allowed, or without zeros that it had.
        """
        chosen = self._choose(model, work)
        work.note_layers("trained although frozen", unfreeze(model), "to make up for clustering")
        loss = choose_loss(model, work.data, self.loss)
        if self.scope == "channel":
            self._share(kernels(model), chosen, work.kept)
            keeper = Keeper(kernels(model), work.kept | {"clusters"})
            work.note(fit(model, work, self, loss, callbacks=[keeper.callback]).text)
            keeper.verify(self.name)
            clustered = model
        else:
            clustered = self._with_tfmot(model, chosen, loss, work)
        self._verify(clustered, chosen)
        return clustered

    def _choose(self, model: Any, work: Work) -> frozenset[str]:
        names = [layer.name for layer in model.layers]
        for option, patterns in (("layers", self.layers), ("exclude", self.exclude)):
            check_patterns(patterns, names, option, self.name)
        found = list(dict.fromkeys(kernel.layer for kernel in kernels(model)))
        chosen = [name for name in found if matches(name, self.layers) and not matches(name, self.exclude)]
        few = [
            kernel.layer
            for kernel in kernels(model)
            if kernel.layer in chosen and most_values(kernel, kernel.values) <= self.clusters
        ]
        work.note_layers("nothing to share", list(dict.fromkeys(few)), "no more distinct weights a channel than wanted")
        if not chosen:
            raise RecipeError("EP-412", "cluster: no layer of the model is left to cluster", "check layers and exclude")
        return frozenset(chosen)

    def _share(self, found: Sequence[Kernel], chosen: frozenset[str], kept: frozenset[Structure]) -> None:
        rng = np.random.default_rng(self.seed)
        for kernel in found:
            if kernel.layer in chosen:
                rows = channels_first(kernel.kind, kernel.name, kernel.values)
                grouped = rows if self.scope == "channel" else rows.reshape(1, -1)
                shared = share_values(grouped, self.clusters, self.init, "zeros" in kept, rng)
                kernel.variable.assign(channels_last(kernel.kind, kernel.name, shared.reshape(rows.shape), kernel.values.shape))

    def _with_tfmot(self, model: Any, chosen: frozenset[str], loss: Any, work: Work) -> Any:
        """Cluster with TF-MOT, one set of values per kernel; layers that it skips without a word are clustered here."""
        clustering = import_tfmot().clustering.keras
        from tensorflow_model_optimization.python.core.clustering.keras.cluster import cluster_weights
        from tensorflow_model_optimization.python.core.clustering.keras.clustering_registry import ClusteringRegistry

        keras = import_tf_keras()
        starts = clustering.CentroidInitialization
        start = {"kmeans++": starts.KMEANS_PLUS_PLUS, "density": starts.DENSITY_BASED, "linear": starts.LINEAR}
        taken = {
            layer.name
            for layer in model.layers
            if layer.name in chosen
            and ClusteringRegistry.supports(layer)
            and not hasattr(layer, "depthwise_kernel")
            and any(kernel.layer == layer.name for kernel in kernels(model))
        }
        skipped = [kernel for kernel in kernels(model) if kernel.layer not in taken]
        self._share(skipped, chosen, work.kept)

        def wrap(layer: Any) -> Any:
            if layer.name not in taken:
                return layer
            return cluster_weights(
                layer,
                number_of_clusters=self.clusters,
                cluster_centroids_init=start[self.init],
                preserve_sparsity="zeros" in work.kept,
            )

        before = Keeper(kernels(model), work.kept & {"zeros"})
        wrapped = keras.models.clone_model(copy_model(model), clone_function=wrap)
        others = [kernel for kernel in kernels(wrapped) if kernel.layer not in taken]
        keeper = Keeper(others, work.kept | {"clusters"}, whole=True)
        work.note(fit(wrapped, work, self, loss, callbacks=[keeper.callback]).text)
        keeper.verify(self.name)
        stripped = clustering.strip_clustering(wrapped)
        before.verify_against(kernels(stripped), self.name)
        return copy_model(stripped)  # the stripped layers still hang together with their wrappers

    def _verify(self, model: Any, chosen: frozenset[str]) -> None:
        """Count the values of every clustered kernel.

        Raises:
            RecipeError: EP-414 naming the layer that has too many.
        """
        for kernel in kernels(model):
            if kernel.layer not in chosen:
                continue
            values = kernel.values
            count = np.unique(values).size if self.scope == "tensor" else most_values(kernel, values)
            if count > self.clusters:
                raise RecipeError(
                    "EP-414",
                    f"cluster: layer {kernel.layer} has {count} distinct weights where {self.clusters} were wanted",
                    "please report it with the model and the recipe",
                )
