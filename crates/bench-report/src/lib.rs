//! Scores and records as tables and pictures.
