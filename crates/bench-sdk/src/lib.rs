//! What an author of a training algorithm uses.
