"""What AlgoPerf's submissions import, served from the Rust model: names and types of its interface, written from its documentation."""
