//! The iteration alone, against the authors', and what it does to singular values.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use bench_sdk::tch::{Kind, Tensor};
use muon::orthogonal;
use serde_json::Value;

fn numbers(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

#[test]
fn it_equals_the_recorded_matrices() {
    let folder = std::env::var_os("BENCH_SHARED").map_or_else(
        || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        Into::into,
    );
    let path = folder.join("goldens/muon.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("SKIPPED: no recorded matrices at {}", path.display());
        return;
    };
    let file: Value = serde_json::from_str(&text).unwrap();
    for case in file["newton_schulz"].as_array().unwrap() {
        let shape: Vec<i64> = numbers(&case["shape"]).iter().map(|&x| x as i64).collect();
        let of = |key: &str| Tensor::from_slice(&numbers(&case[key])).reshape(&shape);
        let found = orthogonal(&of("G"), None).unwrap();
        let worst = (&found - of("out")).abs().max().double_value(&[]);
        assert!(worst <= 1e-12, "{shape:?}: {worst:e}");
    }
}

#[test]
fn singular_values_end_near_one() {
    let matrix = Tensor::eye(8, (Kind::Double, bench_sdk::tch::Device::Cpu)) * 3.0 + 0.1;
    let (_, values, _) = orthogonal(&matrix, None).unwrap().svd(true, true);
    let (low, high) = (
        values.min().double_value(&[]),
        values.max().double_value(&[]),
    );
    assert!(low > 0.65 && high < 1.25, "{low} to {high}");
    let empty = Tensor::zeros([3, 0], (Kind::Float, bench_sdk::tch::Device::Cpu));
    assert_eq!(orthogonal(&empty, None).unwrap().size(), [3, 0]);
}

/// Wide and tall matrices take another way to the same result, also where they have no full rank.
#[test]
fn wide_matrices_come_out_as_the_formula_has_them() {
    let plain = |g: &Tensor| {
        let mut x: Tensor = g / (g.norm() + 1e-7);
        for _ in 0..5 {
            let s: Tensor = x.matmul(&x.tr());
            let polynomial: Tensor = -4.7750 * &s + 2.0315 * s.matmul(&s);
            x = 3.4445 * &x + polynomial.matmul(&x);
        }
        x
    };
    bench_sdk::tch::manual_seed(1);
    for (kind, allowed) in [(Kind::Double, 1e-12), (Kind::Float, 1e-4)] {
        let normal =
            |rows, columns| Tensor::randn([rows, columns], (kind, bench_sdk::tch::Device::Cpu));
        let of_rank_2 = normal(5, 2).matmul(&normal(2, 40));
        for wide in [normal(5, 40), of_rank_2, normal(16, 33)] {
            let expected = plain(&wide);
            let tall = orthogonal(&wide.tr(), None).unwrap().tr();
            for found in [orthogonal(&wide, None).unwrap(), tall] {
                let worst = (found - &expected).abs().max().double_value(&[]);
                assert!(worst <= allowed, "{:?} {kind:?}: {worst:e}", wide.size());
            }
        }
    }
}
