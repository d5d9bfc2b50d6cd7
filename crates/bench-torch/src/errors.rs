//! libtorch's errors: their first line, and whether memory ran out.

use tch::TchError;

/// What libtorch said, without its C++ frames.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{line}")]
pub struct LibtorchError {
    line: String,
}

impl LibtorchError {
    /// Keeps the first line of `text`.
    pub fn new(text: &str) -> LibtorchError {
        LibtorchError {
            line: first_line(text),
        }
    }

    /// Whether memory ran out, of the device or of the process.
    pub fn is_out_of_memory(&self) -> bool {
        is_out_of_memory(&self.line)
    }
}

impl From<TchError> for LibtorchError {
    fn from(error: TchError) -> LibtorchError {
        match error {
            TchError::Torch(text) => LibtorchError::new(&text),
            other => LibtorchError::new(&other.to_string()),
        }
    }
}

/// The sentence a person needs out of libtorch's text, of a panic of a plain tch call as well: a tch call that fails
/// panics with the debug form of its error, kilobytes of C++ frames behind an escaped newline.
pub fn first_line(text: &str) -> String {
    const WRAPPERS: [&str; 3] = [
        "called `Result::unwrap()` on an `Err` value: ",
        "Internal torch error: ",
        "Torch(\"",
    ];
    let mut rest = text.trim_start();
    let mut escaped = false;
    for wrapper in WRAPPERS {
        if let Some(inner) = rest.strip_prefix(wrapper) {
            rest = inner;
            escaped |= wrapper.ends_with('"');
        }
    }
    let line = rest.lines().next().unwrap_or_default();
    if !escaped {
        return line.trim_end().to_owned();
    }
    let line = line.split("\\n").next().unwrap_or_default();
    line.strip_suffix("\")")
        .unwrap_or(line)
        .replace("\\\"", "\"")
        .replace("\\'", "'")
        .trim_end()
        .to_owned()
}

/// Whether a text of libtorch says that memory ran out. Real exhaustion of the process' memory is a kill and has no text.
pub fn is_out_of_memory(text: &str) -> bool {
    const SIGNS: [&str; 4] = [
        "out of memory",
        "DefaultCPUAllocator: can't allocate memory",
        "DefaultCPUAllocator: not enough memory",
        "std::bad_alloc",
    ];
    SIGNS.iter().any(|sign| text.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind, Tensor};

    fn ones(shape: [i64; 2]) -> Tensor {
        Tensor::ones(shape, (Kind::Float, Device::Cpu))
    }

    #[test]
    fn one_sentence_of_an_error_and_of_a_panic() {
        let expected = "mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)";
        let error = ones([2, 3]).f_matmul(&ones([2, 3])).unwrap_err();
        assert_eq!(LibtorchError::from(error).to_string(), expected);

        let panic = std::panic::catch_unwind(|| ones([2, 3]).matmul(&ones([2, 3]))).unwrap_err();
        let text = panic.downcast_ref::<String>().unwrap();
        assert_eq!(first_line(text), expected);
    }

    #[test]
    fn other_texts_stay_as_they_are() {
        assert_eq!(first_line("no newline here"), "no newline here");
        assert_eq!(
            first_line("index 3 is out of bounds\nmore"),
            "index 3 is out of bounds"
        );
        assert_eq!(first_line(""), "");
    }

    #[test]
    fn quotes_in_a_panic_are_plain_again() {
        let text = r#"called `Result::unwrap()` on an `Err` value: Torch("expected \"a\", got 'b'\nException raised")"#;
        assert_eq!(first_line(text), r#"expected "a", got 'b'"#);
    }

    #[test]
    fn memory_that_ran_out_is_recognised() {
        let error = Tensor::f_empty([1_i64 << 60], (Kind::Float, Device::Cpu)).unwrap_err();
        assert!(LibtorchError::from(error).is_out_of_memory());
        assert!(is_out_of_memory(
            "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of …"
        ));
        assert!(!is_out_of_memory(
            "mat1 and mat2 shapes cannot be multiplied"
        ));
    }
}
