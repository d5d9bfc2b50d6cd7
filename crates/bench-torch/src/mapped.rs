//! Files read where they lie in the page cache.

use memmap2::Mmap;
use std::fs::File;
use std::io;
use std::ops::Deref;
use std::path::Path;

/// The bytes of a file, read from disk as they are looked at and shared by all processes that do.
#[derive(Debug)]
pub struct Mapped(Mmap);

impl Mapped {
    /// Maps a file that nobody shortens while it is looked at: a split, which is read-only from the moment it has its name, or a snapshot, whose writer
    /// waits for its reader.
    ///
    /// # Errors
    /// When it cannot be opened or mapped.
    pub fn open(path: &Path) -> io::Result<Mapped> {
        let file = File::open(path)?;
        // SAFETY: the contract above. Where somebody breaks it the program ends by a signal, which the referee records.
        Ok(Mapped(unsafe { Mmap::map(&file) }?))
    }
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}
