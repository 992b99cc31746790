//! How a sandbox's state survives between runs: one JSON file.

use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// What an earlier run left, or a new state when the file isn't there yet.
pub fn load<T: Default + DeserializeOwned>(file: &Path) -> io::Result<T> {
    match fs::read(file) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::other),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(T::default()),
        Err(error) => Err(error),
    }
}

/// Writes beside the file and renames, so that a crash leaves the old state or the new one.
pub fn save<T: Serialize>(state: &T, file: &Path) -> io::Result<()> {
    if let Some(folder) = file.parent().filter(|folder| *folder != Path::new("")) {
        fs::create_dir_all(folder)?;
    }
    let unfinished = file.with_extension("unfinished");
    fs::write(&unfinished, serde_json::to_vec(state)?)?;
    fs::rename(&unfinished, file)
}
