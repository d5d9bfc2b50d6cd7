"""AlgoPerf's submissions as they are: their functions as a training algorithm, over the Rust model.

`init_optimizer_state`, `update_params`, `data_selection` and `prepare_for_eval` are called by name with what they ask for. A step is one call of `update_params`, however
many batches it draws: examples are counted apart.
"""

import collections
import inspect
import json
import math

import torch
from algoperf import spec

from . import kept
from .algorithm import TrainingAlgorithm

LOSSES = {
    "cross-entropy": spec.LossType.SOFTMAX_CROSS_ENTROPY,
    "binary-cross-entropy": spec.LossType.SIGMOID_CROSS_ENTROPY,
    "mean-squared-error": spec.LossType.MEAN_SQUARED_ERROR,
    "mean-absolute-error": spec.LossType.MEAN_ABSOLUTE_ERROR,
    "ctc": spec.LossType.CTC_LOSS,
}
TYPES = {
    "bias": spec.ParameterType.BIAS,
    "norm-scale": spec.ParameterType.LAYER_NORM_SCALE,
    "embedding": spec.ParameterType.EMBEDDING,
    "convolution": spec.ParameterType.CONV_WEIGHT,
}
# AlgoPerf's names of workloads that are here: what `get_batch_size` is asked for.
WORKLOADS = {"mnist": "mnist", "cifar": "cifar", "finewebedu-lm": "finewebedu_lm"}
# Renamed in torch 2.11; optimizers copied from older ones call it by this name.
if not hasattr(torch.optim.Optimizer, "_cuda_graph_capture_health_check"):
    torch.optim.Optimizer._cuda_graph_capture_health_check = torch.optim.Optimizer._accelerator_graph_capture_health_check


class NotServedError(NotImplementedError):
    """Something of AlgoPerf's interface that the referee does not have."""


def batch_sizes(module):
    """Of the workloads here that AlgoPerf has too: what the submission says. It refuses names that it does not know."""
    sizes = {}
    for ours, theirs in WORKLOADS.items():
        try:
            sizes[ours] = int(module.get_batch_size(theirs))
        except Exception:
            continue
    return sizes


def call(function, known):
    """A function with those of the known arguments that it has."""
    parameters = inspect.signature(function).parameters.values()
    if any(parameter.kind == parameter.VAR_KEYWORD for parameter in parameters):
        return function(**known)
    return function(**{parameter.name: known[parameter.name] for parameter in parameters if parameter.name in known})


class Batch(dict):
    """`inputs`, `targets` and, where there are any, `weights`: tensors of the referee's batch."""

    def __init__(self, native):
        super().__init__(inputs=native.inputs, targets=native.targets)
        if native.weights is not None:
            self["weights"] = native.weights
        self.native, self.given = native, self["inputs"]


class Queue:
    """The training split, shuffled and repeated."""

    def __init__(self, training):
        self.training = training

    def __iter__(self):
        return self

    def __next__(self):
        return Batch(self.training.next_batch())


class BatchNorm(torch.nn.modules.batchnorm._BatchNorm):
    """Stands where the model has a batch normalisation: its scale, its shift, its running statistics."""

    def _check_input_dim(self, input):
        raise NotServedError("layers are not called by themselves: `workload.model_fn` runs the model")


class Container(torch.nn.Module):
    """The model's parameters and buffers by their names, as a tree of modules. What runs it is `workload.model_fn`."""

    def __init__(self, training):
        super().__init__()
        buffers = training.buffers
        norms = {name.rpartition(".")[0] for name in buffers if name.endswith("running_mean")}
        for parameter in training.parameters:
            path, _, leaf = parameter.name.rpartition(".")
            place(self, path, norms).register_parameter(leaf, parameter.tensor)
        for name, tensor in buffers.items():
            path, _, leaf = name.rpartition(".")
            place(self, path, norms).register_buffer(leaf, tensor)

    def forward(self, *_, **__):
        raise NotServedError("the model is not called by itself: `workload.model_fn` runs it")


def place(module, path, norms):
    """The module at a path, made where it is not there; `norms` are the paths of batch normalisations."""
    walked = []
    for part in filter(None, path.split(".")):
        walked.append(part)
        if part not in module._modules:
            module.add_module(part, batch_norm() if ".".join(walked) in norms else torch.nn.Module())
        module = module._modules[part]
    return module


def batch_norm():
    """One without tensors, which are put there."""
    norm = BatchNorm.__new__(BatchNorm)
    torch.nn.Module.__init__(norm)
    norm.eps, norm.momentum, norm.affine, norm.track_running_stats = 1e-5, 0.1, True, True
    return norm


class MetricsLogger:
    """What a submission logs is a series of the trial's."""

    def __init__(self, training):
        self.training = training

    def append_scalar_metrics(self, metrics, global_step=None, **_):
        for name, value in metrics.items():
            self.training.log(name.replace("_", "-"), float(value))


class Workload:
    """What submissions ask a workload for."""

    def __init__(self, training, container):
        facts = json.loads(training.facts_json())
        self._training, self._container = training, container
        self._batch = self._loss = None
        self._norms = [module for module in container.modules() if isinstance(module, BatchNorm)]
        self.name = facts["workload"]
        self.step_hint = training.step_hint
        self.num_train_examples = training.examples
        # The contract suite's known functions have no end: a second a step.
        seconds = training.budget_seconds if math.isfinite(training.budget_seconds) else float(training.step_hint)
        self.max_allowed_runtime_sec = seconds
        # Evaluations are steps apart here: as many seconds as they are if the budget lasts for the step hint.
        self.eval_period_time_sec = seconds * max(facts["evaluate-every"], 1) / training.step_hint
        self.target_metric_name = (facts["target"] or "").replace("-", "_")
        self.loss_type = LOSSES.get(facts["loss"])
        self.metrics_logger = MetricsLogger(training)
        self.param_shapes = {name: spec.ShapeTuple(tuple(tensor.shape)) for name, tensor in container.named_parameters()}
        self.model_params_types = {parameter.name: TYPES.get(parameter.role, spec.ParameterType.WEIGHT) for parameter in training.parameters}

    def __getattr__(self, name):
        raise NotServedError(f"`workload.{name}` is not there: {', '.join(sorted(key for key in vars(self) if key[0] != '_'))}, model_fn and loss_fn are")

    def model_fn(
        self, params, augmented_and_preprocessed_input_batch, model_state=None, mode=spec.ForwardPassMode.TRAIN, rng=None, update_batch_norm=True, dropout_rate=None, **_,
    ):
        """Outputs, and the state of the model beside parameters: none, since running statistics are buffers of the container."""
        batch = augmented_and_preprocessed_input_batch
        if params is not self._container:
            raise NotServedError("`model_fn` runs the container that the submission was given, no copy of it: put weights into its parameters")
        if not isinstance(batch, Batch) or batch["inputs"] is not batch.given:
            raise NotServedError("`model_fn` runs batches of the input queue as they are: other inputs are not served")
        self._batch = batch
        train = mode == spec.ForwardPassMode.TRAIN
        moves = train and update_batch_norm and not any(norm.momentum == 0.0 for norm in self._norms)
        return self._training.forward(batch.native, train, moves, dropout_rate), model_state

    def loss_fn(self, label_batch, logits_batch, mask_batch=None, label_smoothing=0.0):
        """The workload's loss of these outputs: `summed`, `n_valid_examples` and `per_example`."""
        if self._batch is None:
            raise NotServedError("`loss_fn` needs outputs of `model_fn`")
        per_example, summed, valid = self._training.losses_of(self._batch.native, logits_batch, label_batch, mask_batch, label_smoothing or 0.0)
        if self._loss is None and summed.requires_grad:
            self._loss = (summed / valid).detach()
        return {"summed": summed, "n_valid_examples": valid, "per_example": per_example}


class Submission(TrainingAlgorithm):
    """The functions of a module as hooks. An evaluation leaves no trace: what `prepare_for_eval` does to weights and state is undone after it."""

    def __init__(self, module):
        self.module = module

    def init(self, training):
        self.container = Container(training)
        self.workload = Workload(training, self.container)
        self.queue = Queue(training)
        names = {name.replace("-", "_"): value for name, value in training.hyperparameters.items()}
        self.hyperparameters = collections.namedtuple("Hyperparameters", names)(**names) if names else None
        self.model_state = self.before = self.evaluations = None
        self.state = call(self.module.init_optimizer_state, {**self.known(training), "model_params": self.container})
        # What the first state has can be saved and put back; other objects that come later could not be made again.
        self.paths = kept.objects(self.state)

    def known(self, training):
        seed = training.seed("algoperf")
        if self.evaluations is None:
            self.evaluations = [(evaluation["step"], metrics(evaluation)) for evaluation in training.evaluations]
        return {
            "workload": self.workload,
            "current_param_container": self.container,
            "current_params_types": self.workload.model_params_types,
            "model_state": self.model_state,
            "hyperparameters": self.hyperparameters,
            "loss_type": self.workload.loss_type,
            "optimizer_state": getattr(self, "state", None),
            "input_queue": self.queue,
            "eval_results": self.evaluations,
            "global_step": training.step,
            "rng": [seed >> 32, seed & 0xFFFFFFFF],
            "train_state": {
                "accumulated_submission_time": training.seconds,
                "is_time_remaining": training.seconds < training.budget_seconds,
                "training_complete": False,
                "validation_goal_reached": False,
                "test_goal_reached": False,
            },
        }

    def adopt(self, result):
        """What a hook gave back: its state, and weights where they are not in the container."""
        self.state, params, self.model_state = result
        if params is not self.container:
            with torch.no_grad():
                for own, other in zip(self.container.parameters(), params.parameters(), strict=True):
                    own.copy_(other)

    def step(self, training):
        self.workload._loss = None
        known = self.known(training)
        select = getattr(self.module, "data_selection", None)
        try:
            known["batch"] = call(select, known) if callable(select) else next(self.queue)
            self.adopt(call(self.module.update_params, known))
        except spec.TrainingCompleteError:
            training.finish()
        if self.workload._loss is not None:
            training.tell_loss(self.workload._loss)

    def prepare_for_eval(self, training):
        prepare = getattr(self.module, "prepare_for_eval", None)
        if callable(prepare):
            # AlgoPerf has no hook for the way back.
            self.before = kept.cloned([list(self.container.state_dict().values()), self.state_dict()])
            self.adopt(call(prepare, self.known(training)))

    def resume_training(self, training):
        # There is one more.
        self.evaluations = None
        if self.before is None:
            return
        (weights, state), self.before = self.before, None
        with torch.no_grad():
            for own, before in zip(self.container.state_dict().values(), weights, strict=True):
                own.copy_(before)
        self.load_state_dict(state)

    def state_dict(self):
        return {"optimizer_state": kept.capture(self.state, self.container, self.paths), "before": self.before}

    def load_state_dict(self, state):
        self.state = kept.restored(self.state, state["optimizer_state"], self.container)
        self.before = state["before"]


def metrics(evaluation):
    """AlgoPerf's names, `validation/loss`: no test values."""
    return {f"{split}/{name.replace('-', '_')}": value for split in ("train", "validation") for name, value in evaluation["metrics"].get(split, {}).items()}
