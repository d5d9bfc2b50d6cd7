//! The referee: sets up, builds, spawns, times, supervises and records programs.
