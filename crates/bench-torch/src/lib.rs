//! What tch lacks: one-pass updates, seeded random streams, memory, CUDA at run time.
