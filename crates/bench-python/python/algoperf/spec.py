"""Names and types of AlgoPerf's submission interface (Dahl et al., arXiv:2306.07179, section 4)."""

import enum
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple, Union

import torch


class TrainingCompleteError(Exception):
    """Raised by a submission that has nothing left to do: the trial ends with an evaluation."""


class LossType(enum.Enum):
    SOFTMAX_CROSS_ENTROPY = 0
    SIGMOID_CROSS_ENTROPY = 1
    MEAN_SQUARED_ERROR = 2
    CTC_LOSS = 3
    MEAN_ABSOLUTE_ERROR = 4


class ForwardPassMode(enum.Enum):
    TRAIN = 0
    EVAL = 1


class ParameterType(enum.Enum):
    WEIGHT = 0
    BIAS = 1
    CONV_WEIGHT = 2
    BATCH_NORM_SCALE = 3
    BATCH_NORM_BIAS = 4
    LAYER_NORM_SCALE = 5
    LAYER_NORM_BIAS = 6
    EMBEDDING = 7
    ATTENTION_Q = 8
    ATTENTION_K = 9
    ATTENTION_V = 10
    ATTENTION_OUT = 11
    ATTENTION_QKV = 12
    ATTENTION_KV = 13
    ATTENTION_BIAS = 14


class ComparisonDirection(enum.Enum):
    MINIMIZE = 0
    MAXIMIZE = 1


class ShapeTuple:
    """A parameter's shape, as one leaf of a tree."""

    def __init__(self, shape_tuple):
        self.shape_tuple = shape_tuple

    def __repr__(self):
        return f"ShapeTuple({self.shape_tuple})"

    def __eq__(self, other):
        return isinstance(other, ShapeTuple) and self.shape_tuple == other.shape_tuple

    __hash__ = None


# Names that annotations of submissions use; nothing checks them.
Tensor = torch.Tensor
Shape = Union[Tuple[int, ...], ShapeTuple]
ParameterShapeTree = Dict[str, Any]
ParameterKey = str
ParameterContainer = torch.nn.Module
ParameterTypeTree = Dict[str, Any]
RandomState = Any
OptimizerState = Any
Hyperparameters = Any
Timing = int
Steps = int
ModelAuxiliaryState = Any
ModelInitState = Tuple[ParameterContainer, ModelAuxiliaryState]
UpdateReturn = Tuple[OptimizerState, ParameterContainer, ModelAuxiliaryState]
InitOptimizerFn = Callable[..., OptimizerState]
UpdateParamsFn = Callable[..., UpdateReturn]
DataSelectionFn = Callable[..., Any]


class Workload:
    """For annotations: what a submission is given is served by the referee."""
