//! Setting the process up, which is done once a process: hence a program of its own.

use bench_core::run::DeviceKind;
use bench_torch::device;
use bench_torch::runtime::{self, RuntimeError, Settings};
use tch::{Device, Kind, Tensor};

#[test]
fn a_process_on_the_cpu() {
    let settings = Settings {
        threads: 1,
        device: DeviceKind::Cpu,
        device_index: 0,
    };
    let started = runtime::start(settings).unwrap();
    assert_eq!(started.device, Device::Cpu);
    assert_eq!(
        (started.report.device.as_str(), started.report.threads),
        ("cpu", 1)
    );
    assert_eq!(started.report.libtorch, "2.11.0");
    runtime::start(settings).unwrap();
    let other = runtime::start(Settings {
        threads: 2,
        ..settings
    });
    assert!(
        matches!(other, Err(RuntimeError::Started { asked: 2, got: 1 })),
        "{other:?}"
    );
    tch::set_num_threads(1);

    device::synchronise(Device::Cpu).unwrap();
    assert_eq!(device::memory(Device::Cpu).unwrap(), None);
    device::reset_peak(Device::Cpu).unwrap();
    assert_eq!(device::name(Device::Cuda(1)), "cuda:1");
}

#[test]
fn without_a_gpu_cuda_is_a_clear_error() {
    let asked = runtime::start(Settings {
        threads: 1,
        device: DeviceKind::Cuda,
        device_index: 0,
    });
    match asked {
        Ok(started) => assert_eq!(started.report.device, "cuda:0"),
        Err(RuntimeError::Cuda(error)) => {
            let text = error.to_string();
            assert!(
                text.contains("bench setup --cuda") || text.contains("this process sees 0"),
                "{text}"
            );
        }
        Err(other) => panic!("{other}"),
    }
    // The CPU works on.
    assert_eq!(
        Tensor::ones([3], (Kind::Float, Device::Cpu))
            .sum(Kind::Float)
            .double_value(&[]),
        3.0
    );
    assert!(device::synchronise(Device::Cuda(7)).is_err());
    assert!(device::memory(Device::Cuda(7)).is_err());
}
