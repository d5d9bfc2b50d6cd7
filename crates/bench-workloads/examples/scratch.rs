use std::time::Instant;
use tch::*;
fn time(name: &str, mut f: impl FnMut()) {
    for _ in 0..50 {
        f();
    }
    let mut v = vec![];
    for _ in 0..500 {
        let t = Instant::now();
        f();
        v.push(t.elapsed().as_nanos());
    }
    v.sort();
    println!(
        "{name}: p10 {:.1} us  median {:.1} us",
        v[50] as f64 / 1e3,
        v[250] as f64 / 1e3
    );
}
fn main() {
    bench_torch::runtime::keep_freed_memory();
    tch::set_num_threads(std::env::args().nth(1).map_or(1, |x| x.parse().unwrap()));
    let n = 55000;
    let bytes = Tensor::randint(256, [n, 1, 28, 28], (Kind::Uint8, Device::Cpu));
    let f = bytes.to_kind(Kind::Float);
    let perms: Vec<Tensor> = (0..64)
        .map(|_| Tensor::randint(n, [128], (Kind::Int64, Device::Cpu)))
        .collect();
    let mut i = 0;
    let mut next = || {
        i += 1;
        &perms[i % 64]
    };
    time("f32 gather", || {
        let _ = f.index_select(0, next());
    });
    let mut i = 0;
    let mut next = || {
        i += 1;
        &perms[i % 64]
    };
    time("u8 gather, to float, mul, sub", || {
        let _ = bytes
            .index_select(0, next())
            .to_kind(Kind::Float)
            .g_mul_scalar_(0.01)
            .g_sub_scalar_(0.3);
    });
    let sc = Tensor::from_slice(&[0.01f32]).reshape([1, 1, 1]);
    let mut i = 0;
    let mut next = || {
        i += 1;
        &perms[i % 64]
    };
    time("u8 gather, to float, mul_ tensor, sub_ tensor", || {
        let _ = bytes
            .index_select(0, next())
            .to_kind(Kind::Float)
            .multiply_(&sc)
            .subtract_(&sc);
    });
    let mut raw = vec![0u8; (n * 784) as usize];
    bytes.copy_data(&mut raw, (n * 784) as usize);
    let mut i = 0;
    time("rust gather to vec + from_slice", || {
        i += 1;
        let mut idx = vec![0i64; 128];
        perms[i % 64].copy_data(&mut idx, 128);
        let mut out = vec![0f32; 128 * 784];
        for (o, &k) in out.chunks_exact_mut(784).zip(&idx) {
            let r = &raw[k as usize * 784..][..784];
            for (o, &b) in o.iter_mut().zip(r) {
                *o = b as f32 * 0.01 - 0.3;
            }
        }
        let _ = Tensor::from_slice(&out);
    });
    let t = Instant::now();
    let f2 = bytes.to_kind(Kind::Float);
    let _ = f2.size();
    println!("convert all {:?}", t.elapsed());
    let x = f.narrow(0, 0, 128).flatten(1, -1);
    let w = Tensor::randn([128, 784], (Kind::Float, Device::Cpu));
    time("linear 784-128", || {
        let _ = x.linear(&w, None::<Tensor>);
    });
}
