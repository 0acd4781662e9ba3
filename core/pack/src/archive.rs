//! The zip around a pack: written deterministically, read with limits.
//!
//! Rule: an archive comes from anybody. Nothing a header says is believed: the directory is counted before it is
//! parsed, every path is checked, and content is read through a bound, whatever size was announced. Entries are
//! decompressed one by one and only on demand, so that a pack's signature can be checked before the rest of it is.
//! What the files mean, and that no file is left over, is [`crate::open()`]'s.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, System, ZipArchive, ZipWriter};

/// A flow takes two entries and a component one, so this is far above any pack, while the directory it makes the
/// host keep stays near a megabyte.
pub(crate) const MAX_ENTRIES: usize = 4_096;

/// One file. The largest are components; a Python or JavaScript one with its interpreter is about 40 MB.
const MAX_ENTRY_BYTES: u64 = 64 << 20;

/// All files together, and the archive itself: what opening one pack may cost the host in memory, twice.
const MAX_TOTAL_BYTES: u64 = 256 << 20;

/// Content to compressed size. Text and wasm stay below 20; zstd makes 10,000 and more of a bomb.
const MAX_RATIO: u64 = 200;

/// Below this size the ratio is not looked at: small repetitive files are common and can't hurt.
const RATIO_FREE_BYTES: u64 = 1 << 20;

/// Longest path. Well below what file systems take, so that `pack extract` never fails on one.
const MAX_PATH_BYTES: usize = 512;

/// spec/pack.md, "Archive".
const COMPRESSION_LEVEL: i64 = 3;

#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("not a pack archive: {0}")]
    Layout(&'static str),
    #[error("the archive is {0} bytes, at most {max} are allowed", max = MAX_TOTAL_BYTES)]
    TooLarge(u64),
    #[error("the archive has {0} files, at most {max} are allowed", max = MAX_ENTRIES)]
    TooManyEntries(usize),
    #[error("the archive is malformed")]
    Zip(#[from] ZipError),
    #[error("path `{path}` is not allowed: {reason}")]
    Path { path: String, reason: &'static str },
    #[error("`{0}` is no regular file")]
    NotAFile(String),
    #[error("the archive has two files of the same name")]
    DuplicateName,
    #[error("`{0}` is missing from the archive")]
    Missing(String),
    #[error("`{path}` is larger than {limit} bytes")]
    EntryTooLarge { path: String, limit: u64 },
    #[error("`{0}` expands to more than {max} times its compressed size", max = MAX_RATIO)]
    Ratio(String),
    #[error("the files of the archive are larger than {max} bytes together", max = MAX_TOTAL_BYTES)]
    TotalTooLarge,
    #[error("`{path}` can't be decompressed")]
    Read { path: String, source: std::io::Error },
}

/// An archive whose directory was checked. Files are decompressed when they are read.
pub struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    positions: BTreeMap<String, usize>,
    /// Bytes that may still be decompressed.
    remaining: u64,
}

impl<'a> Archive<'a> {
    pub fn open(bytes: &'a [u8]) -> Result<Archive<'a>, ArchiveError> {
        let length = bytes.len() as u64;
        if length > MAX_TOTAL_BYTES {
            return Err(ArchiveError::TooLarge(length));
        }
        let directory = Directory::find(bytes).ok_or(ArchiveError::Layout("it has no zip directory at its end"))?;
        // Before the directory is parsed: the parser allocates for every entry it is told of.
        if directory.entries > MAX_ENTRIES {
            return Err(ArchiveError::TooManyEntries(directory.entries));
        }
        let mut zip = ZipArchive::new(Cursor::new(bytes))?;
        if zip.has_duplicate_names() {
            return Err(ArchiveError::DuplicateName);
        }
        // A parser may settle on another directory than the one that was counted.
        if zip.len() != directory.entries || zip.central_directory_start() != directory.start {
            return Err(ArchiveError::Layout("it has more than one directory"));
        }
        // Programs that read local headers must see the same files, and none may share its bytes with another.
        zip.validate_header_consistency()?;
        let positions = positions(&zip)?;
        Ok(Archive { zip, positions, remaining: MAX_TOTAL_BYTES })
    }

    /// Paths of all files, in byte order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.positions.keys().map(String::as_str)
    }

    pub fn contains(&self, path: &str) -> bool {
        self.positions.contains_key(path)
    }

    /// The file's content, if it is no longer than `limit` and the archive's own limits allow it.
    pub fn read(&mut self, path: &str, limit: u64) -> Result<Vec<u8>, ArchiveError> {
        let position = *self.positions.get(path).ok_or_else(|| ArchiveError::Missing(path.to_owned()))?;
        let file = self.zip.by_index(position)?;
        let by_ratio = file.compressed_size().saturating_mul(MAX_RATIO).max(RATIO_FREE_BYTES);
        let by_size = limit.min(MAX_ENTRY_BYTES);
        let allowed = by_size.min(by_ratio).min(self.remaining);
        let mut content = Vec::new();
        // One byte more than is allowed tells "too large" from "just fits".
        let mut bounded = file.take(allowed.saturating_add(1));
        bounded.read_to_end(&mut content).map_err(|source| ArchiveError::Read { path: path.to_owned(), source })?;
        let length = content.len() as u64;
        if length <= allowed {
            self.remaining -= length;
            Ok(content)
        } else if length > by_size {
            Err(ArchiveError::EntryTooLarge { path: path.to_owned(), limit: by_size })
        } else if length > by_ratio {
            Err(ArchiveError::Ratio(path.to_owned()))
        } else {
            Err(ArchiveError::TotalTooLarge)
        }
    }

    /// The file's content under the archive's own limits alone.
    pub fn read_entry(&mut self, path: &str) -> Result<Vec<u8>, ArchiveError> {
        self.read(path, MAX_ENTRY_BYTES)
    }
}

/// Checked path of every entry, with its place in the directory.
fn positions(zip: &ZipArchive<Cursor<&[u8]>>) -> Result<BTreeMap<String, usize>, ArchiveError> {
    /// Bits of a Unix mode that tell the kind of file, and the kind "regular file".
    const FILE_TYPE: u32 = 0o170_000;
    const REGULAR: u32 = 0o100_000;
    let mut positions = BTreeMap::new();
    for position in 0..zip.len() {
        let entry = zip.by_index_data(position)?;
        let path = std::str::from_utf8(entry.name_raw()).map_err(|_| ArchiveError::Path {
            path: entry.name_raw().iter().take(80).flat_map(|byte| byte.escape_ascii()).map(char::from).collect(),
            reason: "it is not UTF-8",
        })?;
        check_path(path)?;
        // Whatever system the entry claims to come from: some unpackers look at these bits alone.
        let file_type = (entry.external_attributes() >> 16) & FILE_TYPE;
        if file_type != 0 && file_type != REGULAR {
            return Err(ArchiveError::NotAFile(path.to_owned()));
        }
        positions.insert(path.to_owned(), position);
    }
    Ok(positions)
}

/// A path that stays below the directory it is unpacked into, on every system.
pub(crate) fn check_path(path: &str) -> Result<(), ArchiveError> {
    let reason = if path.len() > MAX_PATH_BYTES {
        "it is too long"
    } else if path.starts_with('/') {
        "it is absolute"
    } else if path.contains('\\') {
        "it has a backslash"
    } else if path.contains(':') {
        "it has a colon, a drive letter on Windows"
    } else if path.chars().any(char::is_control) {
        "it has a control character"
    } else if path.split('/').any(|part| part == "..") {
        "it has a `..`"
    } else if path.split('/').any(|part| part.is_empty() || part == ".") {
        "it is no path to a file"
    } else {
        return Ok(());
    };
    // Shortened and escaped: this text goes to a terminal or a log.
    Err(ArchiveError::Path { path: path.chars().take(80).flat_map(char::escape_default).collect(), reason })
}

/// What the last record of a zip says of its directory.
struct Directory {
    entries: usize,
    start: u64,
}

impl Directory {
    /// Reads the record at the very end. Other readers search for it, which lets two of them see two archives in
    /// the same bytes; ours has one form: no comment, no zip64, one disk, the directory right before the record.
    fn find(bytes: &[u8]) -> Option<Directory> {
        const RECORD: usize = 22;
        let (before, record) = bytes.split_at_checked(bytes.len().checked_sub(RECORD)?)?;
        let u16_at = |at: usize| Some(u16::from_le_bytes(record.get(at..at + 2)?.try_into().ok()?));
        let u32_at = |at: usize| Some(u32::from_le_bytes(record.get(at..at + 4)?.try_into().ok()?));
        let entries = u16_at(10)?;
        let start = u64::from(u32_at(16)?);
        let end = start + u64::from(u32_at(12)?);
        let one_form = record.starts_with(b"PK\x05\x06")
            && u32_at(4)? == 0
            && u16_at(8)? == entries
            && u16_at(20)? == 0
            && end == before.len() as u64;
        one_form.then_some(Directory { entries: usize::from(entries), start })
    }
}

/// Sorted entries, fixed time (1980-01-01) and permissions: the same files give the same bytes.
pub(crate) fn write(entries: &BTreeMap<String, Cow<'_, [u8]>>) -> Result<Vec<u8>, ArchiveError> {
    // The constant and not `default()`, which takes the time of day when another crate switches that feature on.
    let options = SimpleFileOptions::DEFAULT
        .compression_method(CompressionMethod::Zstd)
        .compression_level(Some(COMPRESSION_LEVEL))
        .system(System::Unix)
        .unix_permissions(0o644);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, content) in entries {
        zip.start_file(path, options)?;
        zip.write_all(content).map_err(ZipError::Io)?;
    }
    Ok(zip.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
        let entries: BTreeMap<String, Cow<'_, [u8]>> =
            files.iter().map(|(path, content)| ((*path).to_owned(), Cow::Borrowed(*content))).collect();
        write(&entries).unwrap()
    }

    /// Why opening fails.
    fn refusal(bytes: &[u8]) -> ArchiveError {
        match Archive::open(bytes) {
            Ok(_) => panic!("the archive was opened"),
            Err(error) => error,
        }
    }

    #[test]
    fn files_come_back_sorted_and_whole() {
        let large = vec![b'x'; 300_000];
        let bytes = zip_of(&[("b", b"2"), ("a/c", &large), ("empty", b"")]);
        let mut archive = Archive::open(&bytes).unwrap();
        assert_eq!(archive.paths().collect::<Vec<_>>(), ["a/c", "b", "empty"]);
        assert_eq!(archive.read_entry("a/c").unwrap(), large);
        assert_eq!(archive.read("b", 1).unwrap(), b"2");
        assert_eq!(archive.read_entry("empty").unwrap(), b"");
        assert!(matches!(archive.read_entry("none"), Err(ArchiveError::Missing(_))));
        assert!(matches!(archive.read("a/c", 299_999), Err(ArchiveError::EntryTooLarge { limit: 299_999, .. })));
    }

    #[test]
    fn paths_that_leave_their_place_are_refused() {
        for bad in ["../x", "a/../x", "/etc/x", "a\\x", "C:x", "a//x", "a/", "./x", "", "a\nx", &"a".repeat(513)] {
            let error = refusal(&zip_of(&[(bad, b"x")]));
            assert!(matches!(error, ArchiveError::Path { .. }), "{bad:?}: {error:?}");
        }
        assert!(Archive::open(&zip_of(&[("assets/ä/..x/y z.txt", b"x")])).is_ok());
    }

    #[test]
    fn a_bomb_is_refused_by_its_ratio() {
        let bytes = zip_of(&[("zeros", &vec![0u8; 2 << 20])]);
        assert!(bytes.len() < 10_000);
        assert!(matches!(Archive::open(&bytes).unwrap().read_entry("zeros"), Err(ArchiveError::Ratio(_))));
    }

    #[test]
    fn the_total_is_bounded() {
        let bytes = zip_of(&[("a", &[1u8; 600]), ("b", &[2u8; 600])]);
        let mut archive = Archive::open(&bytes).unwrap();
        archive.remaining = 1_000;
        assert_eq!(archive.read_entry("a").unwrap().len(), 600);
        assert!(matches!(archive.read_entry("b"), Err(ArchiveError::TotalTooLarge)));
    }

    #[test]
    fn duplicates_are_refused() {
        let mut bytes = zip_of(&[("assets/one", b"1"), ("assets/two", b"2")]);
        rename(&mut bytes, b"assets/two", b"assets/one");
        assert!(matches!(refusal(&bytes), ArchiveError::DuplicateName));
    }

    #[test]
    fn links_and_too_many_entries_are_refused() {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        zip.add_symlink("assets/link", "/etc/passwd", SimpleFileOptions::DEFAULT).unwrap();
        assert!(matches!(refusal(&zip.finish().unwrap().into_inner()), ArchiveError::NotAFile(_)));

        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for number in 0..=MAX_ENTRIES {
            zip.start_file(format!("assets/{number}"), SimpleFileOptions::DEFAULT).unwrap();
        }
        assert!(matches!(refusal(&zip.finish().unwrap().into_inner()), ArchiveError::TooManyEntries(4_097)));
    }

    #[test]
    fn bytes_around_the_archive_are_refused() {
        let bytes = zip_of(&[("a", b"1")]);
        assert!(matches!(refusal(&[&bytes[..], &b"x"[..]].concat()), ArchiveError::Layout(_)));
        assert!(matches!(refusal(&[&b"x"[..], &bytes[..]].concat()), ArchiveError::Layout(_)));
        assert!(matches!(refusal(b""), ArchiveError::Layout(_)));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
            let _ = Archive::open(&bytes);
        }

        #[test]
        fn no_damage_panics(at in any::<prop::sample::Index>(), with in any::<[u8; 4]>()) {
            let mut bytes = zip_of(&[("a", b"one"), ("b/c", b"two")]);
            let start = at.index(bytes.len() - with.len());
            bytes[start..start + with.len()].copy_from_slice(&with);
            if let Ok(mut archive) = Archive::open(&bytes) {
                let paths: Vec<String> = archive.paths().map(str::to_owned).collect();
                for path in paths {
                    let _ = archive.read_entry(&path);
                }
            }
        }
    }

    fn rename(bytes: &mut [u8], from: &[u8], to: &[u8]) {
        assert_eq!(from.len(), to.len());
        for start in 0..bytes.len() - from.len() {
            let window = &mut bytes[start..start + from.len()];
            if window == from {
                window.copy_from_slice(to);
            }
        }
    }
}
