use crate::{difference, same_bits};
use bench_torch::order::Order;
use bench_torch::random::{Key, Stream, reseed_default};
use std::collections::BTreeSet;
use tch::{Device, Kind, Tensor};

fn key() -> Key<'static> {
    Key::new(7, "test")
}

fn draw(key: Key<'_>) -> Vec<Tensor> {
    let mut stream = Stream::new(&key).unwrap();
    vec![
        stream.uniform(&[50_000], -1.0, 1.0, Kind::Float).unwrap(),
        stream.normal(&[50_001], 0.0, 2.0, Kind::Double).unwrap(),
        stream.bernoulli(&[1000], 0.3, Kind::Float).unwrap(),
        stream.integers(&[1000], -5, 5).unwrap(),
        stream.permutation(40_000).unwrap(),
    ]
}

#[test]
fn a_key_gives_the_same_bits_with_any_number_of_threads() {
    tch::set_num_threads(1);
    let one = draw(key());
    tch::set_num_threads(2);
    let two = draw(key());
    tch::set_num_threads(1);
    assert!(one.iter().zip(&two).all(|(a, b)| same_bits(a, b)));
}

#[test]
fn every_part_of_a_key_counts() {
    let keys = [
        key(),
        Key::new(8, "test"),
        Key::new(7, "tests"),
        key().member(1),
        key().step(1),
        key().call(1),
        // Seeds that libtorch's own seeding would not tell apart.
        Key::new(7 + (1 << 32), "test"),
    ];
    let values: BTreeSet<u64> = keys.iter().map(Key::value).collect();
    assert_eq!(values.len(), keys.len());
    let draws: Vec<Tensor> = keys.iter().map(|key| draw(*key).remove(0)).collect();
    for (i, a) in draws.iter().enumerate() {
        assert!(draws[..i].iter().all(|b| !same_bits(a, b)));
    }
}

#[test]
fn streams_are_as_they_were_and_look_random() {
    assert_eq!(key().value(), 1_994_782_901_719_754_360);
    let draws = draw(key());
    let mean = |tensor: &Tensor| {
        tensor
            .to_kind(Kind::Double)
            .mean(Kind::Double)
            .double_value(&[])
    };
    assert!(mean(&draws[0]).abs() < 0.02);
    assert!((mean(&draws[1].square()) - 4.0).abs() < 0.1);
    assert!((mean(&draws[2]) - 0.3).abs() < 0.05);
    let integers: Vec<i64> = Vec::try_from(&draws[3]).unwrap();
    assert_eq!(integers.iter().collect::<BTreeSet<_>>().len(), 10);
    assert!(integers.iter().all(|n| (-5..5).contains(n)));
}

#[test]
fn bad_bounds_are_an_error() {
    let mut stream = Stream::new(&key()).unwrap();
    assert!(stream.uniform(&[2], 1.0, 0.0, Kind::Float).is_err());
    assert!(stream.normal(&[2], 0.0, -1.0, Kind::Float).is_err());
    assert!(stream.bernoulli(&[2], 2.0, Kind::Float).is_err());
    assert!(stream.permutation(-1).is_err());
    assert!(stream.uniform(&[2], 0.0, 1.0, Kind::Int64).is_err());
}

#[test]
fn dropout_follows_the_key() {
    let dropped = |key: Key<'_>| {
        reseed_default(&key, Device::Cpu).unwrap();
        // An odd count leaves half of a pair of normal numbers behind, which a reseed must forget.
        let _ = Tensor::randn([3], (Kind::Double, Device::Cpu));
        Tensor::ones([1000], (Kind::Float, Device::Cpu)).dropout(0.5, true)
    };
    assert!(same_bits(&dropped(key()), &dropped(key())));
    assert!(!same_bits(&dropped(key()), &dropped(key().step(1))));
}

#[test]
fn an_order_is_a_function_of_the_position() {
    let mut order = Order::new(3, 0, 10);
    let all: Vec<i64> = Vec::try_from(order.range(0, 30).unwrap()).unwrap();
    for epoch in all.chunks(10) {
        assert_eq!(
            epoch.iter().copied().collect::<BTreeSet<_>>(),
            (0..10).collect()
        );
    }
    assert_ne!(all[..10], all[10..20]);
    // Batches of other sizes, from elsewhere, and over an epoch's end.
    let mut resumed = Order::new(3, 0, 10);
    for (position, count) in [(17, 6), (0, 4), (9, 2), (29, 1)] {
        let part: Vec<i64> = Vec::try_from(resumed.range(position, count).unwrap()).unwrap();
        assert_eq!(part, all[position as usize..(position + count) as usize]);
    }
    assert_eq!(resumed.range(5, 0).unwrap().size(), [0]);
    let other: Vec<i64> = Vec::try_from(Order::new(4, 0, 10).range(0, 30).unwrap()).unwrap();
    assert_ne!(all, other);
    assert_eq!(
        difference(
            &Order::new(0, 0, 0).range(3, 1).unwrap(),
            &Tensor::from_slice(&[0_i64])
        ),
        0.0
    );
}
