//! Data sets, models, losses and metrics, and the evaluator that scores snapshots.
