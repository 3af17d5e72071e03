//! The bounds of a world, each with its unit and its reason.

use clock::Span;

/// Clients of a world: enough to meet on the same znodes, few enough to read the story.
pub const CLIENTS: std::ops::RangeInclusive<usize> = 2..=5;

/// How long mishaps go on. A few dozen crashes fit; the run takes a fraction of a second.
pub const TROUBLE: Span = Span::seconds(120);

/// After the trouble, how long everybody has to find their way back.
pub const PEACE: Span = Span::seconds(40);

/// What every Kafka client must be served in, at the end of the peace.
pub const HALF_OF_PEACE: Span = Span::seconds(20);

/// After the clients have gone silent, how long their sessions may still live: the longest time-out
/// that is negotiated here, a tick for the bucket, and a tick to spare.
pub const SILENCE: Span = Span::seconds(24);

/// The keeper's tick.
pub const TICK: Span = Span::seconds(2);

/// Lines of the story that are shown when something is wrong.
pub const STORY_LINES: usize = 160;

/// Times a process may fail to start in a row. Starting needs a healthy disk, and has one.
pub const STARTS_MAX: usize = 3;

/// How long mishaps go on in an ensemble: some dozens of elections fit.
pub const ENSEMBLE_TROUBLE: Span = Span::seconds(90);

/// After that, how long everybody has to find their way back: the time in which the last silence is
/// noticed, a start, an election, and what a client waits between two attempts.
pub const ENSEMBLE_PEACE: Span = Span::seconds(40);

/// Between two strikes in a cruel ensemble: an election and some writes fit.
pub const STRIKE_PAUSE: Span = Span::ms(2_500);

/// What may happen in one ensemble, in number: some twenty times what does. More is a circle.
pub const ENSEMBLE_EVENTS_MAX: u64 = 3_000_000;
