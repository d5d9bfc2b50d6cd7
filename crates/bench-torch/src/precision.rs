//! Matrix products and convolutions in bf16: what libtorch casts, on devices that compute in it.

use crate::cuda;
use crate::errors::LibtorchError;
use crate::shim;
use tch::Device;

/// Whether the device has instructions for bf16: AVX-512 BF16 of a processor, compute capability 8.0 of a card. Elsewhere libtorch computes it in
/// software, slower than f32 by orders of magnitude.
pub fn has_bf16(device: Device) -> bool {
    match device {
        #[cfg(target_arch = "x86_64")]
        Device::Cpu => std::arch::is_x86_feature_detected!("avx512bf16"),
        Device::Cuda(index) => {
            const AMPERE: i32 = 8;
            cuda::capability(index as u32).is_some_and(|major| major >= AMPERE)
        }
        _ => false,
    }
}

/// Does something with libtorch's autocast to bf16 on this device's operations, in this thread: products and convolutions take and give bf16,
/// the rest stays as wide as its inputs. Not to be nested.
///
/// # Errors
/// Those of `work`, and when libtorch refuses.
pub fn in_bf16<T>(
    device: Device,
    work: impl FnOnce() -> Result<T, LibtorchError>,
) -> Result<T, LibtorchError> {
    let _on = Autocast::start(device.is_cuda())?;
    work()
}

/// Autocast, while this lives.
struct Autocast {
    cuda: bool,
}

impl Autocast {
    fn start(cuda: bool) -> Result<Autocast, LibtorchError> {
        // SAFETY: sets flags of this thread; the shim catches exceptions.
        unsafe { shim::check(shim::bench_autocast(true, cuda))? };
        Ok(Autocast { cuda })
    }
}

impl Drop for Autocast {
    fn drop(&mut self) {
        // SAFETY: as above. Switching off cannot fail where switching on did not.
        let _ = unsafe { shim::check(shim::bench_autocast(false, self.cuda)) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Kind, Tensor};

    #[test]
    fn products_are_bf16_inside_and_f32_outside_and_after_a_failure() {
        let x = Tensor::rand([4, 4], (Kind::Float, Device::Cpu));
        let product = || x.f_matmul(&x).map_err(LibtorchError::from);
        let inside = in_bf16(Device::Cpu, product).unwrap();
        assert_eq!(
            (inside.kind(), product().unwrap().kind()),
            (Kind::BFloat16, Kind::Float)
        );
        let failed = in_bf16(Device::Cpu, || Err::<(), _>(LibtorchError::new("no")));
        assert!(failed.is_err());
        assert_eq!(product().unwrap().kind(), Kind::Float);
    }
}
