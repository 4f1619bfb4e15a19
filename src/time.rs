//! Time as the core knows it: an argument.

use std::time::Duration;

/// Time since the start of the run. The core never reads a clock.
pub type Time = Duration;
