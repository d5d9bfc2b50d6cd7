//! What long work says while it runs. The harness prints nothing: whoever calls renders these.

/// A sign of life of set-up, data and cleaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Another process holds the lock that this work needs.
    Waited {
        /// What the lock protects, and who holds it.
        behind: String,
    },
    /// A piece of work began.
    Began {
        /// `downloading libtorch`, as a line's beginning.
        what: String,
        /// Its size in bytes, where it is known.
        bytes: Option<u64>,
    },
    /// The piece of work went on.
    Advanced {
        /// Bytes done since it began.
        bytes: u64,
    },
    /// The piece of work is done.
    Ended,
    /// Something a person may want to know, such as a source that did not answer.
    Noted {
        /// One line.
        message: String,
    },
}

/// Receives progress. A closure in the caller's hands: `&mut |progress| render(progress)`.
pub type Listener<'a> = dyn FnMut(Progress) + 'a;

/// Says nothing to anyone.
pub fn silent(_: Progress) {}
