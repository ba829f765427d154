//! The section `[work]` of a config file: settings of the machine and of the kind at one level.

use std::fmt;
use std::time::Duration;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::{MachineSettings, Work, duration, size};

/// Both parts of the section. `flatten` would read them too, but loses the line of a value that cannot be read.
#[derive(Default, Serialize)]
pub(super) struct WorkSection {
    #[serde(flatten)]
    pub machine: MachineSettings,
    #[serde(flatten)]
    pub work: Work,
}

impl<'de> Deserialize<'de> for WorkSection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<WorkSection, D::Error> {
        deserializer.deserialize_map(SectionVisitor)
    }
}

struct SectionVisitor;

impl<'de> Visitor<'de> for SectionVisitor {
    type Value = WorkSection;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the settings of [work]")
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<WorkSection, A::Error> {
        let mut machine = MachineSettings::default();
        let work = Work::deserialize(MapAccessDeserializer::new(WorkEntries { entries, machine: &mut machine }))?;
        Ok(WorkSection { machine, work })
    }
}

/// The entries of the section without those of the machine, which are read into `machine`.
struct WorkEntries<'a, A> {
    entries: A,
    machine: &'a mut MachineSettings,
}

#[derive(Deserialize)]
struct Bytes(#[serde(with = "size::required")] u64);

#[derive(Deserialize)]
struct OptionalBytes(#[serde(with = "size::optional")] Option<u64>);

#[derive(Deserialize)]
struct Time(#[serde(with = "duration::required")] Duration);

impl<'de, A: MapAccess<'de>> MapAccess<'de> for WorkEntries<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        while let Some(key) = self.entries.next_key::<String>()? {
            match key.as_str() {
                "concurrency" => self.machine.concurrency = self.entries.next_value()?,
                "memory-limit" => self.machine.memory_limit = self.entries.next_value::<Bytes>()?.0,
                "bandwidth-limit" => self.machine.bandwidth_limit = self.entries.next_value::<OptionalBytes>()?.0,
                "lease" => self.machine.lease = self.entries.next_value::<Time>()?.0,
                "drain" => self.machine.drain = self.entries.next_value::<Time>()?.0,
                _ => return seed.deserialize(key.into_deserializer()).map(Some),
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.entries.next_value_seed(seed)
    }
}
