//! The evaluator's side of the protocol.
