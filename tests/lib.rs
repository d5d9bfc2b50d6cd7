//! Whole-program tests and the scripted worker they use.
