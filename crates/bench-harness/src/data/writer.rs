//! Writes a split as it is decoded: in shards of a bounded size, hashed and counted on the way.
//!
//! What is in memory is one shard at most. A shard has its name when it is whole, so that whoever was interrupted goes on behind the last one.

use super::block::Block;
use super::hash::SplitHasher;
use super::shard::{self, FileError};
use super::{census, manifest};
use bench_core::spec::columns::Columns;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Bytes of a shard, unless one example has more: the most that preparing holds in memory.
pub const SHARD_BYTES: usize = 128 << 20;

/// A split under way.
pub(crate) struct Writer<'a> {
    columns: &'a Columns,
    folder: PathBuf,
    /// The decoded file's examples that belong to it.
    range: Range<u64>,
    /// How many of them it has.
    taken: u64,
    shards: Vec<manifest::Shard>,
    /// What is not in a shard yet.
    buffer: Block,
    limit: usize,
    hasher: SplitHasher,
    keys: Option<Vec<u128>>,
}

/// A split that is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) examples: u64,
    pub(crate) hash: String,
    pub(crate) shards: Vec<manifest::Shard>,
    /// Of each example, where examples are compared.
    pub(crate) keys: Option<Vec<u128>>,
}

impl<'a> Writer<'a> {
    /// A split in a folder, which goes on behind the shards that are there.
    pub(crate) fn open(
        folder: &Path,
        columns: &'a Columns,
        range: Range<u64>,
        limit: usize,
        compared: bool,
    ) -> Result<Writer<'a>, FileError> {
        std::fs::create_dir_all(folder).map_err(io(folder))?;
        let mut writer = Writer {
            columns,
            folder: folder.to_owned(),
            range,
            taken: 0,
            shards: Vec::new(),
            buffer: Block::empty(columns),
            limit,
            hasher: SplitHasher::new(columns),
            keys: compared.then(Vec::new),
        };
        for path in shard::files(folder)? {
            let number = writer.shards.len();
            // Behind a gap, or a file that is not whole, all is made anew.
            let known = path == shard::file(folder, number);
            match shard::load(&path, columns).ok().filter(|_| known) {
                Some(block) => {
                    writer.taken += block.examples() as u64;
                    writer.absorb(&block);
                }
                None => std::fs::remove_file(&path).map_err(io(&path))?,
            }
        }
        Ok(writer)
    }

    /// The next example of the decoded file that is wanted; none when it has all.
    pub(crate) fn next(&self) -> Option<u64> {
        let next = self.range.start + self.taken;
        (next < self.range.end).then_some(next)
    }

    /// Takes its part of a block, whose first example has this number in the decoded file. Tells how many bytes it took.
    pub(crate) fn take(&mut self, first: u64, block: &Block) -> Result<u64, FileError> {
        let end = first + block.examples() as u64;
        let Some(next) = self.next().filter(|next| (first..end).contains(next)) else {
            return Ok(0);
        };
        let place = |example: u64| (example - first) as usize;
        let mut rest = place(next)..place(end.min(self.range.end));
        let bytes = block.size(self.columns, &rest);
        self.taken += rest.len() as u64;
        while !rest.is_empty() {
            let fitting = rest.start..rest.start + self.fitting(block, &rest);
            rest.start = fitting.end;
            self.buffer.extend(block, self.columns, &fitting);
            if !rest.is_empty() {
                self.flush()?;
            }
        }
        Ok(bytes as u64)
    }

    /// How many of these examples the present shard has room for: one at least where it is empty.
    fn fitting(&self, block: &Block, examples: &Range<usize>) -> usize {
        let held = self.buffer.size(self.columns, &(0..self.buffer.examples()));
        let room = self.limit.saturating_sub(held);
        let fits = |count: usize| {
            let part = examples.start..examples.start + count;
            block.size(self.columns, &part) <= room
        };
        // Sizes rise with the number of examples.
        let (mut most, mut beyond) = (0, examples.len() + 1);
        while beyond - most > 1 {
            let middle = most + (beyond - most) / 2;
            match fits(middle) {
                true => most = middle,
                false => beyond = middle,
            }
        }
        match self.buffer.examples() {
            0 => most.max(1),
            _ => most,
        }
    }

    /// Makes a shard of what is in memory.
    fn flush(&mut self) -> Result<(), FileError> {
        let path = shard::file(&self.folder, self.shards.len());
        let beside = path.with_extension("part");
        shard::save(&beside, self.columns, &self.buffer)?;
        std::fs::rename(&beside, &path).map_err(io(&path))?;
        let block = std::mem::replace(&mut self.buffer, Block::empty(self.columns));
        self.absorb(&block);
        Ok(())
    }

    /// Counts the examples of a shard.
    fn absorb(&mut self, block: &Block) {
        self.hasher.update(block);
        if let Some(keys) = &mut self.keys {
            census::keys(self.columns, block, keys);
        }
        self.shards.push(manifest::Shard {
            examples: block.examples() as u64,
        });
    }

    /// The split, with its last shard.
    pub(crate) fn finish(mut self) -> Result<Written, FileError> {
        if self.buffer.examples() > 0 {
            self.flush()?;
        }
        Ok(Written {
            examples: self.taken,
            hash: self.hasher.finish(self.columns),
            shards: self.shards,
            keys: self.keys,
        })
    }
}

fn io(path: &Path) -> impl Fn(std::io::Error) -> FileError + '_ {
    move |source| FileError::Io {
        path: path.to_owned(),
        source,
    }
}
