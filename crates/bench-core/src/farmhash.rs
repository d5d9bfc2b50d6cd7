//! FarmHash's 64-bit fingerprint (Pike and Alakuijala, `farmhashna::Hash64`): what Criteo's categories are numbered by, in TensorFlow and so in AlgoPerf.

const K0: u64 = 0xc3a5_c85c_97cb_3127;
const K1: u64 = 0xb492_b66f_be98_f273;
const K2: u64 = 0x9ae1_6a3b_2f90_404f;

/// The fingerprint of any bytes.
pub fn fingerprint(bytes: &[u8]) -> u64 {
    match bytes.len() {
        0..=16 => up_to_16(bytes),
        17..=32 => up_to_32(bytes),
        33..=64 => up_to_64(bytes),
        _ => longer(bytes),
    }
}

fn word(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

fn half(bytes: &[u8], at: usize) -> u64 {
    let mut half = [0; 4];
    half.copy_from_slice(&bytes[at..at + 4]);
    u64::from(u32::from_le_bytes(half))
}

fn shifted(x: u64) -> u64 {
    x ^ (x >> 47)
}

fn mixed(u: u64, v: u64, factor: u64) -> u64 {
    let a = shifted((u ^ v).wrapping_mul(factor));
    shifted((v ^ a).wrapping_mul(factor)).wrapping_mul(factor)
}

fn factor(length: usize) -> u64 {
    K2.wrapping_add(length as u64 * 2)
}

fn up_to_16(bytes: &[u8]) -> u64 {
    let length = bytes.len();
    match length {
        8.. => {
            let factor = factor(length);
            let a = word(bytes, 0).wrapping_add(K2);
            let b = word(bytes, length - 8);
            let c = b.rotate_right(37).wrapping_mul(factor).wrapping_add(a);
            let d = a.rotate_right(25).wrapping_add(b).wrapping_mul(factor);
            mixed(c, d, factor)
        }
        4..8 => {
            let first = (length as u64).wrapping_add(half(bytes, 0) << 3);
            mixed(first, half(bytes, length - 4), factor(length))
        }
        1..4 => {
            let [a, b, c] = [0, length / 2, length - 1].map(|at| u64::from(bytes[at]));
            let (y, z) = (a + (b << 8), length as u64 + (c << 2));
            shifted(y.wrapping_mul(K2) ^ z.wrapping_mul(K0)).wrapping_mul(K2)
        }
        0 => K2,
    }
}

fn up_to_32(bytes: &[u8]) -> u64 {
    let length = bytes.len();
    let factor = factor(length);
    let (a, b) = (word(bytes, 0).wrapping_mul(K1), word(bytes, 8));
    let c = word(bytes, length - 8).wrapping_mul(factor);
    let d = word(bytes, length - 16).wrapping_mul(K2);
    mixed(
        a.wrapping_add(b)
            .rotate_right(43)
            .wrapping_add(c.rotate_right(30))
            .wrapping_add(d),
        a.wrapping_add(b.wrapping_add(K2).rotate_right(18))
            .wrapping_add(c),
        factor,
    )
}

fn up_to_64(bytes: &[u8]) -> u64 {
    let length = bytes.len();
    let factor = factor(length);
    let (a, b) = (word(bytes, 0).wrapping_mul(K2), word(bytes, 8));
    let c = word(bytes, length - 8).wrapping_mul(factor);
    let d = word(bytes, length - 16).wrapping_mul(K2);
    let y = a
        .wrapping_add(b)
        .rotate_right(43)
        .wrapping_add(c.rotate_right(30))
        .wrapping_add(d);
    let z = mixed(
        y,
        a.wrapping_add(b.wrapping_add(K2).rotate_right(18))
            .wrapping_add(c),
        factor,
    );
    let e = word(bytes, 16).wrapping_mul(factor);
    let f = word(bytes, 24);
    let g = y
        .wrapping_add(word(bytes, length - 32))
        .wrapping_mul(factor);
    let h = z
        .wrapping_add(word(bytes, length - 24))
        .wrapping_mul(factor);
    mixed(
        e.wrapping_add(f)
            .rotate_right(43)
            .wrapping_add(g.rotate_right(30))
            .wrapping_add(h),
        e.wrapping_add(f.wrapping_add(a).rotate_right(18))
            .wrapping_add(g),
        factor,
    )
}

/// 32 bytes and two seeds.
fn weak(bytes: &[u8], at: usize, a: u64, b: u64) -> (u64, u64) {
    let [w, x, y, z] = [0, 8, 16, 24].map(|more| word(bytes, at + more));
    let a = a.wrapping_add(w);
    let b = b.wrapping_add(a).wrapping_add(z).rotate_right(21);
    let c = a;
    let a = a.wrapping_add(x).wrapping_add(y);
    let b = b.wrapping_add(a.rotate_right(44));
    (a.wrapping_add(z), b.wrapping_add(c))
}

fn longer(bytes: &[u8]) -> u64 {
    const SEED: u64 = 81;
    let length = bytes.len();
    let mut x = SEED;
    let mut y = SEED.wrapping_mul(K1).wrapping_add(113);
    let mut z = shifted(y.wrapping_mul(K2).wrapping_add(113)).wrapping_mul(K2);
    let (mut v, mut w) = ((0_u64, 0_u64), (0_u64, 0_u64));
    x = x.wrapping_mul(K2).wrapping_add(word(bytes, 0));
    let end = (length - 1) / 64 * 64;
    let last = end + ((length - 1) & 63) - 63;
    let mut at = 0;
    while at != end {
        x = x
            .wrapping_add(y)
            .wrapping_add(v.0)
            .wrapping_add(word(bytes, at + 8))
            .rotate_right(37)
            .wrapping_mul(K1);
        y = y
            .wrapping_add(v.1)
            .wrapping_add(word(bytes, at + 48))
            .rotate_right(42)
            .wrapping_mul(K1);
        x ^= w.1;
        y = y.wrapping_add(v.0).wrapping_add(word(bytes, at + 40));
        z = z.wrapping_add(w.0).rotate_right(33).wrapping_mul(K1);
        v = weak(bytes, at, v.1.wrapping_mul(K1), x.wrapping_add(w.0));
        w = weak(
            bytes,
            at + 32,
            z.wrapping_add(w.1),
            y.wrapping_add(word(bytes, at + 16)),
        );
        std::mem::swap(&mut z, &mut x);
        at += 64;
    }
    let factor = K1.wrapping_add((z & 0xff) << 1);
    at = last;
    w.0 = w.0.wrapping_add((length as u64 - 1) & 63);
    v.0 = v.0.wrapping_add(w.0);
    w.0 = w.0.wrapping_add(v.0);
    x = x
        .wrapping_add(y)
        .wrapping_add(v.0)
        .wrapping_add(word(bytes, at + 8))
        .rotate_right(37)
        .wrapping_mul(factor);
    y = y
        .wrapping_add(v.1)
        .wrapping_add(word(bytes, at + 48))
        .rotate_right(42)
        .wrapping_mul(factor);
    x ^= w.1.wrapping_mul(9);
    y = y
        .wrapping_add(v.0.wrapping_mul(9))
        .wrapping_add(word(bytes, at + 40));
    z = z.wrapping_add(w.0).rotate_right(33).wrapping_mul(factor);
    v = weak(bytes, at, v.1.wrapping_mul(factor), x.wrapping_add(w.0));
    w = weak(
        bytes,
        at + 32,
        z.wrapping_add(w.1),
        y.wrapping_add(word(bytes, at + 16)),
    );
    std::mem::swap(&mut z, &mut x);
    mixed(
        mixed(v.0, w.0, factor)
            .wrapping_add(shifted(y).wrapping_mul(K0))
            .wrapping_add(z),
        mixed(v.1, w.1, factor).wrapping_add(x),
        factor,
    )
}

#[cfg(test)]
mod tests {
    use super::fingerprint;

    /// `farmhash.fingerprint64` of the Python package `farmhashpy` 0.4.0, which wraps Google's own code.
    #[test]
    fn fingerprints_of_all_lengths_are_googles() {
        let text: Vec<u8> = (0..400_u32).map(|i| (33 + i * 7 % 90) as u8).collect();
        let theirs = [
            (0, 0x9ae1_6a3b_2f90_404f),
            (1, 0xebbf_7ff1_1eff_54b2),
            (3, 0x14db_aa5f_64cb_a7b7),
            (4, 0x98f5_be5b_2295_8558),
            (7, 0xeecf_a680_6af0_ad02),
            (8, 0xbfe8_9e39_58b0_bd2d),
            (16, 0x8097_3607_791a_c20a),
            (17, 0x63ce_9ee2_eb5a_9b9b),
            (32, 0x42ad_1bcf_ca54_47ca),
            (33, 0x5129_71c4_3116_51f1),
            (64, 0xe89d_7555_193c_b5d2),
            (65, 0x9c2f_ccdb_6970_267a),
            (127, 0xda22_ab5c_dfef_1cca),
            (128, 0x558d_7524_ae02_e6ee),
            (129, 0x0fcc_9d8f_d6a8_3014),
            (192, 0xf490_d325_4716_c178),
            (193, 0x89a8_94cd_dc02_63e1),
            (300, 0xc319_6f26_acf2_07c8_u64),
        ];
        for (length, expected) in theirs {
            assert_eq!(fingerprint(&text[..length]), expected, "{length} bytes");
        }
        assert_eq!(fingerprint(b"68fd1e640") % 39_884_406, 6_734_129);
    }
}
