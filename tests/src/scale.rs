//! How much the random and the large tests do, and from which seed.
//!
//! A change's run takes small numbers. `tests/run --long` takes large ones, to explore.

/// The environment variable that `tests/run --long` sets.
const LONG: &str = "FLOTILLA_TEST_LONG";
/// The environment variable with the seed of a run. `tests/run` takes it from the commit.
const SEED: &str = "FLOTILLA_TEST_SEED";

/// `short` in a change's run, `long` in a run of `tests/run --long`.
pub fn scale<T>(short: T, long: T) -> T {
    if std::env::var_os(LONG).is_some() { long } else { short }
}

/// The seed of this run's random tests: the same for each run of a commit.
pub fn seed() -> u64 {
    number(SEED).unwrap_or(1)
}

/// The number in an environment variable; `None` if it is not set.
///
/// # Panics
/// If it is set to something else.
pub fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is {text:?}, and should be a number")))
}
