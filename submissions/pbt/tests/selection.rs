//! Decisions that can be worked out by hand; reference decisions are compared by `bench check pbt --golden FILE`.

use pbt::{t_test, truncation};

#[test]
fn equals_never_copy_and_what_is_no_number_is_the_worst() {
    assert_eq!(truncation(&[1.0, 1.0, 1.0], 0.4, &[0.5; 3]), [0, 1, 2]);
    assert_eq!(
        truncation(&[f64::NAN, 1.0, f64::NAN], 0.3, &[0.5; 3]),
        [0, 1, 1]
    );
    assert_eq!(truncation(&[1.0], 0.5, &[0.9]), [0]);
}

#[test]
fn the_t_test_wants_a_significant_difference() {
    let (low, high) = ([1.0, 1.1, 0.9, 1.0], [2.0, 2.1, 1.9, 2.0]);
    assert_eq!(t_test(&[&low, &high], &[0.0, 0.0]), [1, 1]);
    // Welch's p of these two is 0.14.
    assert_eq!(
        t_test(&[&[1.0, 2.0, 1.5], &[2.0, 2.5, 1.9]], &[0.0, 0.0]),
        [0, 1]
    );
    assert_eq!(t_test(&[&[1.0], &[2.0]], &[0.0, 0.0]), [0, 1]);
    assert_eq!(t_test(&[&low], &[0.0]), [0]);
    // Who has diverged copies whoever has not, and nobody copies it.
    let diverged = [1.0, 1.1, f64::NAN];
    assert_eq!(t_test(&[&diverged, &low], &[0.0, 0.0]), [1, 1]);
    assert_eq!(t_test(&[&diverged, &diverged], &[0.0, 0.0]), [0, 1]);
}
