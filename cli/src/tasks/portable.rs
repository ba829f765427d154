//! Definitions that all machines of a fleet can use.

use shared::config::{FleetFile, TaskDefinition};
use shared::filter::prefixes;

use crate::exit::Failure;

/// Longest list of prefixes that a definition takes from a file, bytes.
const MAX_INLINE_BYTES: usize = 64 << 10;

/// The definition as all machines of a fleet can use it: with the prefixes of its list, if the list is a file of this
/// machine.
pub fn portable(definition: &TaskDefinition, fleet: &FleetFile) -> Result<TaskDefinition, Failure> {
    let mut definition = definition.clone();
    let find = &mut definition.find;
    let Some(list) = find.prefix_list.clone().filter(|_| fleet.state.is_none() && find.prefix_object().is_none())
    else {
        return Ok(definition);
    };
    let prefixes = prefixes::read(&list).map_err(Failure::usage)?;
    let bytes: usize = prefixes.iter().map(String::len).sum();
    if bytes > MAX_INLINE_BYTES {
        return Err(Failure::usage(format!(
            "prefix-list: {} has {bytes} bytes of prefixes, and a definition takes {MAX_INLINE_BYTES} from a file: put the \
             file into a bucket, and give --prefix-list s3://BUCKET/KEY",
            list.display()
        )));
    }
    (find.prefixes, find.prefix_list) = (prefixes, None);
    Ok(definition)
}
