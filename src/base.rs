//! What everybody says: facts, families, times, outcomes, findings.

pub mod bounds;
pub mod codes;
pub mod exit;
pub mod expiry;
pub mod fact;
pub mod family;
pub mod long_way;
pub mod reader;
pub mod report;
pub mod stage;
pub mod time;
pub mod tls;
pub mod words;
