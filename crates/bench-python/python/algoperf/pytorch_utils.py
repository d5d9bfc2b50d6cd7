"""Devices, as AlgoPerf's submissions ask for them: one process, one device."""

import torch


def pytorch_setup():
    """(whether ranks are many, rank, device, number of devices)."""
    return False, 0, torch.device("cuda:0" if torch.cuda.is_available() else "cpu"), 1


def update_batch_norm_fn(module, update_batch_norm):
    """Whether forwards of a normalisation move its running statistics."""
    if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
        if update_batch_norm and hasattr(module, "momentum_backup"):
            module.momentum = module.momentum_backup
        elif not update_batch_norm and module.momentum != 0.0:
            module.momentum_backup, module.momentum = module.momentum, 0.0
