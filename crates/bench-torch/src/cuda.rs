//! CUDA at run time: one program, linked with libtorch's CPU half, loads the CUDA half when a card is asked for.

use crate::errors::LibtorchError;
use crate::shim;
use std::ffi::{CStr, CString, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Why there is no CUDA.
#[derive(Debug, thiserror::Error)]
pub enum CudaError {
    /// libtorch's folder has no CUDA half.
    #[error("{folder} has no libtorch_cuda.so: this libtorch is CPU only (`bench setup --cuda` fetches the other half)", folder = folder.display())]
    CpuOnly {
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// The CUDA half did not load.
    #[error("could not load {path}: {reason}", path = path.display())]
    Load {
        /// The library.
        path: PathBuf,
        /// The dynamic linker's words.
        reason: String,
    },
    /// No driver, or no card that it shows to this process.
    #[error(
        "CUDA device {index} was asked for, but this process sees {count} of them; is the NVIDIA driver installed, and CUDA_VISIBLE_DEVICES right?"
    )]
    NoDevice {
        /// As asked.
        index: u32,
        /// Cards seen.
        count: u32,
    },
    /// libtorch refused.
    #[error("libtorch could not use CUDA: {0}")]
    Libtorch(#[from] LibtorchError),
}

/// Loads libtorch's CUDA half, which registers itself, and checks that the card is there.
///
/// To be called before libtorch is first asked about CUDA, even by `is_available`: it remembers "none" for ever.
pub(crate) fn load(index: u32) -> Result<(), CudaError> {
    // Deterministic matrix products need it before the first handle is made. The referee sets it too.
    if std::env::var_os("CUBLAS_WORKSPACE_CONFIG").is_none() {
        // SAFETY: at start-up, before this process has threads that read the environment.
        unsafe { std::env::set_var("CUBLAS_WORKSPACE_CONFIG", ":4096:8") };
    }
    let folder = libtorch_folder();
    let Some(path) = find_library(&folder) else {
        return Err(CudaError::CpuOnly { folder });
    };
    open(&path).map_err(|reason| CudaError::Load { path, reason })?;
    let mut count = 0;
    // SAFETY: the shim writes one number.
    unsafe { shim::check(shim::bench_accelerator_count(&raw mut count))? };
    let count = u32::try_from(count).unwrap_or(0);
    if index >= count {
        return Err(CudaError::NoDevice { index, count });
    }
    Ok(())
}

/// The CUDA half: beside the CPU half, or in a folder that the dynamic linker was told of, since `bench setup --cuda` keeps them apart.
fn find_library(folder: &Path) -> Option<PathBuf> {
    let told = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    std::iter::once(folder.to_owned())
        .chain(std::env::split_paths(&told))
        .map(|folder| folder.join("libtorch_cuda.so"))
        .find(|path| path.exists())
}

/// The folder that libtorch's CPU half was loaded from, without links: libraries find their neighbours from there.
fn libtorch_folder() -> PathBuf {
    // SAFETY: the name lives as long as the library, which is never unloaded.
    let file = unsafe {
        let name = shim::bench_library_path();
        if name.is_null() {
            return PathBuf::new();
        }
        PathBuf::from(OsStr::from_bytes(CStr::from_ptr(name).to_bytes()))
    };
    let file = file.canonicalize().unwrap_or(file);
    file.parent().map(Path::to_path_buf).unwrap_or_default()
}

/// Loads a library for good, its symbols visible to those loaded later.
fn open(path: &Path) -> Result<*mut c_void, String> {
    let name = CString::new(path.as_os_str().as_bytes()).map_err(|error| error.to_string())?;
    // SAFETY: runs the library's initialisers, which is what it is loaded for; `dlerror` gives the last call's text.
    unsafe {
        let handle = libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL);
        if !handle.is_null() {
            return Ok(handle);
        }
        let text = libc::dlerror();
        Err(match text.is_null() {
            true => "unknown reason".to_owned(),
            false => CStr::from_ptr(text).to_string_lossy().into_owned(),
        })
    }
}

/// A card, as the driver names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Card {
    /// Such as `NVIDIA H100 80GB HBM3`.
    pub(crate) name: String,
    /// CUDA version that the driver supports, such as `driver 13.0`.
    pub(crate) driver: String,
}

/// Asks the driver about a card; `None` where it does not answer.
pub(crate) fn card(index: u32) -> Option<Card> {
    let library = open(Path::new("libcuda.so.1")).ok()?;
    let symbol = |name: &CStr| {
        // SAFETY: looks a name up in a loaded library.
        let address = unsafe { libc::dlsym(library, name.as_ptr()) };
        (!address.is_null()).then_some(address)
    };
    let (init, version) = (symbol(c"cuInit")?, symbol(c"cuDriverGetVersion")?);
    let (get, get_name) = (symbol(c"cuDeviceGet")?, symbol(c"cuDeviceGetName")?);
    let (mut number, mut device): (c_int, c_int) = (0, 0);
    let mut name = [0 as c_char; 256];
    // SAFETY: the signatures are those of the driver's stable C interface (cuda.h); all results have room.
    unsafe {
        type Init = unsafe extern "C" fn(u32) -> c_int;
        type Version = unsafe extern "C" fn(*mut c_int) -> c_int;
        type Get = unsafe extern "C" fn(*mut c_int, c_int) -> c_int;
        type Name = unsafe extern "C" fn(*mut c_char, c_int, c_int) -> c_int;
        let failed = std::mem::transmute::<*mut c_void, Init>(init)(0) != 0
            || std::mem::transmute::<*mut c_void, Version>(version)(&raw mut number) != 0
            || std::mem::transmute::<*mut c_void, Get>(get)(&raw mut device, index as c_int) != 0
            || std::mem::transmute::<*mut c_void, Name>(get_name)(name.as_mut_ptr(), 255, device)
                != 0;
        (!failed).then(|| Card {
            name: CStr::from_ptr(name.as_ptr()).to_string_lossy().into_owned(),
            driver: format!("driver {}.{}", number / 1000, number % 1000 / 10),
        })
    }
}

/// Major compute capability of a card; `None` where the driver does not answer.
pub(crate) fn capability(index: u32) -> Option<i32> {
    /// `CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR` of cuda.h.
    const MAJOR: c_int = 75;
    let library = open(Path::new("libcuda.so.1")).ok()?;
    let symbol = |name: &CStr| {
        // SAFETY: looks a name up in a loaded library.
        let address = unsafe { libc::dlsym(library, name.as_ptr()) };
        (!address.is_null()).then_some(address)
    };
    let (init, get) = (symbol(c"cuInit")?, symbol(c"cuDeviceGet")?);
    let attribute = symbol(c"cuDeviceGetAttribute")?;
    let (mut device, mut major): (c_int, c_int) = (0, 0);
    // SAFETY: the signatures are those of the driver's stable C interface (cuda.h); both results have room.
    unsafe {
        type Init = unsafe extern "C" fn(u32) -> c_int;
        type Get = unsafe extern "C" fn(*mut c_int, c_int) -> c_int;
        type Attribute = unsafe extern "C" fn(*mut c_int, c_int, c_int) -> c_int;
        let failed = std::mem::transmute::<*mut c_void, Init>(init)(0) != 0
            || std::mem::transmute::<*mut c_void, Get>(get)(&raw mut device, index as c_int) != 0
            || std::mem::transmute::<*mut c_void, Attribute>(attribute)(
                &raw mut major,
                MAJOR,
                device,
            ) != 0;
        (!failed).then_some(major)
    }
}
